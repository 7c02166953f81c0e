import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Env } from '../support/world';

export const EXAMPLES = join(__dirname, '../../examples');

export interface ExampleProcess {
  readonly child: ChildProcess;
  /** Its output so far. */
  output(): string;
  /** Asks it to stop. Resolves with its exit code, or the signal that ended it. */
  stop(): Promise<number | NodeJS.Signals | null>;
}

// If a test fails before it stops its example, or the run is ended.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a program in its own Node process and resolves when it is ready.
 *
 * @param ready the text that it prints when it is ready
 * @param args of the program
 * @param flags of Node
 */
export async function startExample(
  path: string,
  ready: string,
  env: Env,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<ExampleProcess> {
  const child = spawn(process.execPath, [...flags, path, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // Only programs that talk to the test need the channel. The others must be able to end without it.
  child.channel?.unref();
  running.add(child);
  let output = '';
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal);
    }),
  );
  await new Promise<void>((resolve, reject) => {
    const take = (text: Buffer) => {
      output += text.toString();
      if (output.includes(ready)) resolve();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    void ended.then((how) =>
      reject(new Error(`${path} ended (${String(how)}) before it was ready:\n${output}`)),
    );
  });
  return {
    child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
