import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createProgram } from '../../src/commands/program';
import type { Terminal } from '../../src/commands/terminal';
import { QUICK_START } from './embedded-folder';
import type { Env } from './world';

/** How a command ended, and all that it wrote. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Nobody sits at a terminal. */
const NOBODY: Terminal = {
  isInteractive: false,
  confirm: () => Promise.reject(new Error('Nobody can answer.')),
};

/** Runs `tokenfence admin` in a process of its own. */
export const adminProcess = (args: string[], env: Env) =>
  new Promise<Ended>((resolve) => {
    const flags = env.DATABASE_URL === undefined ? [QUICK_START] : [];
    execFile(
      process.execPath,
      [...flags, join(__dirname, '../../dist/src/main.js'), 'admin', ...args],
      { env },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });

/** Runs `tokenfence admin` in this process. Resolves with the exit code and text that a process would have. */
export async function adminHere(args: string[], env: Env, terminal: Terminal = NOBODY): Promise<Ended> {
  let ended: Ended | undefined;
  const elsewhere = () => Promise.reject(new Error('Not a command of an administrator.'));
  await createProgram('0.0.0', {
    start: elsewhere,
    guard: elsewhere,
    doctor: elsewhere,
    async administer(load) {
      const { code, text } = await (await load())(env, terminal);
      ended = { code, output: text };
    },
  }).parseAsync(['admin', ...args], { from: 'user' });
  return ended!;
}
