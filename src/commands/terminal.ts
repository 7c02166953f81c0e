import { createInterface } from 'node:readline';

/** The person who typed a command, if one did. */
export interface Terminal {
  /** Whether somebody can answer a question. */
  readonly isInteractive: boolean;
  /** Asks a question. Only the whole word "yes" is a yes. */
  confirm(question: string): Promise<boolean>;
}

/** @param output gets the questions; not standard output, which may be a file */
export function openTerminal(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Terminal {
  return {
    isInteractive: input.isTTY && output.isTTY,
    confirm: (question) =>
      new Promise((resolve) => {
        const lines = createInterface({ input, output });
        // Ctrl-C and Ctrl-D close it without a line.
        lines.once('close', () => resolve(false));
        lines.question(`${question} Type yes to go on: `, (answer) => {
          resolve(answer.trim().toLowerCase() === 'yes');
          lines.close();
        });
      }),
  };
}
