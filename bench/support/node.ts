import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/support/servers';
import { pin } from './core';
import { SETTINGS } from './settings';

/** The built server in a process of its own. */
export interface Node {
  readonly url: string;
  /** Suspends the process. */
  pause(): void;
  resume(): void;
  /** The processor time used so far, in s; `undefined` on systems that do not report it. */
  processorTime(): number | undefined;
  stop(): Promise<void>;
}

export const ROOT = join(__dirname, '../../..');

/** The ticks per second in which Linux counts processor time. */
const TICKS_PER_SECOND = 100;

function processorTimeOf(pid: number): number | undefined {
  try {
    // The program's name, in brackets, may contain spaces. User and system time come after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

// If a run ends before it stops its nodes.
const running = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) }).then(
    ({ ok }) => ok,
    () => false,
  );

/**
 * @param program the file to start, under dist, and its arguments; the server if left out
 * @param core the core that it runs on; any if left out
 */
export async function startNode(
  env: Record<string, string>,
  program = 'src/main.js',
  core?: number,
): Promise<Node> {
  const [file = '', ...args] = program.split(' ');
  const port = await freePort();
  const child = spawn(process.execPath, [join(ROOT, 'dist', file), ...args], {
    env: { PATH: process.env.PATH, ...SETTINGS, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (core !== undefined) pin(child.pid, core);
  running.add(child);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void ended.then(() => running.delete(child));
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  const url = `http://127.0.0.1:${port}`;
  const failed = ended.then(() => {
    throw new Error(`A node ended before it was ready:\n${output}`);
  });
  // It may end later, and then nobody waits for this.
  failed.catch(() => undefined);
  // Asked, because at this log level it does not say so.
  while (!(await Promise.race([isReady(url), failed]))) await sleep(25);
  return {
    url,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    processorTime: () => (child.pid === undefined ? undefined : processorTimeOf(child.pid)),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
