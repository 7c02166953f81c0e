import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { basename, dirname, join } from 'node:path';
import { Api } from './api';
import { QUICK_START } from './embedded-folder';
import { freePort } from './servers';
import { type Env, TEST_ENV } from './world';

export interface NodeProcess {
  readonly api: Api;
  readonly url: string;
  /** Its output so far. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

const above = join(__dirname, '../..');

/** The root of the project. Code that runs without jest lies in `dist`. */
export const ROOT = basename(above) === 'dist' ? dirname(above) : above;

// If a test fails before it ends its node, or the run is ended.
const running = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Polls a node that does not log when it is ready. */
async function untilReady(url: string, ended: Promise<unknown>): Promise<void> {
  const state = { hasEnded: false };
  void ended.then(() => (state.hasEnded = true));
  while (!state.hasEnded) {
    const isReady = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await sleep(25);
  }
}

/** Starts the built server in a process that may be killed. */
export async function startNodeProcess(env: Env): Promise<NodeProcess> {
  const port = env.PORT === undefined ? await freePort() : Number(env.PORT);
  const clean: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: process.env.HOME };
  const isEmbedded = env.DATABASE_URL === undefined;
  const flags = isEmbedded ? [QUICK_START] : [];
  const child = spawn(process.execPath, [...flags, join(ROOT, 'dist/src/main.js')], {
    env: { ...clean, ...TEST_ENV, PORT: String(port), ...env },
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const isQuiet = ['warn', 'error', 'fatal', 'silent'].includes(env.LOG_LEVEL ?? '');
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  let told = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => {
    output += text.toString();
    told += text.toString();
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  );
  const url = `http://127.0.0.1:${port}`;
  await new Promise<void>((resolve, reject) => {
    const hasSaidSo = () => (isEmbedded ? told : output).includes('is ready at');
    const look = () => {
      if (hasSaidSo()) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    if (!isEmbedded && isQuiet) void untilReady(url, ended).then(resolve);
    void ended.then((how) =>
      reject(new Error(`The node ended (${String(how)}) before it was ready:\n${output}`)),
    );
  });
  return { api: new Api(url), url, output: () => output, signal: (name) => void child.kill(name), ended };
}
