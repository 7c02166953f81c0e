import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Env } from '../support/world';

export const EXAMPLES = join(__dirname, '../../examples');

export interface ExampleProcess {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  /** Asks it to stop, as whoever runs it would; answers its exit code, or the signal that ended it. */
  stop(): Promise<number | NodeJS.Signals | null>;
}

// Should a test fail before it stops its example, or the run be ended.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a program with node, in a process of its own; resolves when it has said so.
 *
 * @param ready what it prints by then
 */
export async function startExample(path: string, ready: string, env: Env): Promise<ExampleProcess> {
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // Only those that speak to the test need the channel; the others are to end without waiting for it.
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
