import { CommanderError } from 'commander';
import { readEnv } from '../config/env';
import { createProgram, type Handlers } from './program';
import type { Outcome } from './job';
import { openTerminal } from './terminal';
import { version } from '../server/version';

/** Ends the process. An answer goes to standard output, anything else to standard error. */
function end({ code, text }: Outcome): never {
  (code === 0 ? process.stdout : process.stderr).write(text);
  process.exit(code);
}

/** Each loads its module when it is called: `--help` must work without the server's packages. */
const handlers: Handlers = {
  async start() {
    const { serve } = await import('../server/serve.js');
    serve();
  },
  async guard() {
    const { serveGuard } = await import('./guard.js');
    serveGuard();
  },
  async administer(load) {
    const job = await load();
    end(await job(readEnv(), openTerminal(process.stdin, process.stderr)));
  },
  async doctor() {
    const { examine } = await import('./doctor/examine.js');
    const { code, text } = await examine(readEnv());
    process.stdout.write(text);
    process.exitCode = code;
  },
};

/** Runs the named command, or the server. Ends the process with 2 for an unknown command, and with 1 if it fails. */
export async function run(words: readonly string[]): Promise<void> {
  // A closed terminal or pipe must not end the process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    await createProgram(version, handlers).parseAsync(words.length === 0 ? ['start'] : words, {
      from: 'user',
    });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has already written its message.
    process.exit(error.exitCode === 0 ? 0 : 2);
  }
}
