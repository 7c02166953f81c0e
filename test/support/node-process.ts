import { spawn } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { Api } from './api';
import { freePort } from './servers';
import { type Env, TEST_ENV } from './world';

export interface NodeProcess {
  readonly api: Api;
  readonly url: string;
  /** What it has printed so far. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

const above = join(__dirname, '../..');

/** Of the project. What runs without jest lies in `dist` itself. */
const ROOT = basename(above) === 'dist' ? dirname(above) : above;

// Should a test fail before it ends its node, or the run be ended.
const running = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts the built service as its users do, in a process that may be killed. */
export async function startNodeProcess(env: Env): Promise<NodeProcess> {
  const port = await freePort();
  const clean: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(process.execPath, [join(ROOT, 'dist/src/main.js')], {
    env: { ...clean, ...TEST_ENV, PORT: String(port), ...env },
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  );
  const url = `http://127.0.0.1:${port}`;
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => {
      if (output.includes('is ready at')) resolve();
    });
    void ended.then((how) =>
      reject(new Error(`The node ended (${String(how)}) before it was ready:\n${output}`)),
    );
  });
  return { api: new Api(url), url, output: () => output, signal: (name) => void child.kill(name), ended };
}
