import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { eventually } from './eventually';

/** A temporary server, which a test may kill or pause. */
export interface TestServer {
  readonly url: string;
  /** Kills it, like a crash. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with its data if it keeps any. */
  start(): Promise<void>;
  /** Suspends the process, like an overloaded machine. */
  pause(): void;
  resume(): void;
  /** Ends it and deletes its files. */
  dispose(): Promise<void>;
}

/** How to start a server. */
interface Recipe {
  readonly program: string;
  readonly args: string[];
  readonly owner?: { uid?: number; gid?: number };
  readonly env?: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly url: string;
  readonly answers: () => Promise<unknown>;
}

// If a test fails before it disposes of its server, or the run is ended.
const running = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server and waits until it answers. */
export async function launch({
  program,
  args,
  owner,
  env,
  folder,
  url,
  answers,
}: Recipe): Promise<TestServer> {
  let child: ReturnType<typeof spawn> | undefined;
  let ended: Promise<void> = Promise.resolve();

  const spawnOnce = () => {
    let output = '';
    const started = spawn(program, args, { ...owner, env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    started.stdout.on('data', (text: Buffer) => (output += text.toString()));
    started.stderr.on('data', (text: Buffer) => (output += text.toString()));
    ended = new Promise((resolve) => started.once('exit', () => resolve()));
    child = started;
    running.add(started);
    started.once('exit', () => running.delete(started));
    return { hasEnded: () => started.exitCode !== null, output: () => output.slice(-2000) };
  };
  const start = async () => {
    let attempt = spawnOnce();
    await eventually(async () => {
      if (attempt.hasEnded()) {
        const said = attempt.output();
        // The children of a killed Postgres hold its memory for a moment.
        attempt = spawnOnce();
        throw new Error(`${program} ended:\n${said}`);
      }
      await answers();
    }, 30_000);
  };
  const kill = async () => {
    child?.kill('SIGCONT');
    child?.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async dispose() {
      await kill();
      // The children of a killed Postgres may still write for a moment.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}
