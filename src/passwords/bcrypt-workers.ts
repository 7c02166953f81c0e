import { Worker } from 'node:worker_threads';
import type { CompareBcrypt } from './foreign/stored-hash';

/** ms after which an idle thread is ended */
const LONGEST_IDLE = 30_000;

/**
 * The program of a thread. It is text, not a file, so that it is found wherever this module runs from. The packages are
 * named by their paths: text has no folder to look them up from.
 */
const PROGRAM = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { compareSync } = require(workerData);
  parentPort.on('message', ({ password, hash }) => parentPort.postMessage(compareSync(password, hash)));
`;

/** A thread that compares one password at a time. */
class BcryptThread {
  private caller: { resolve(same: boolean): void; reject(error: Error): void } | undefined;
  private readonly worker = new Worker(PROGRAM, {
    eval: true,
    workerData: require.resolve('bcryptjs'),
    // It needs neither the secrets nor the options of this process.
    env: {},
    execArgv: [],
  });

  /** @param onEnd called when the thread has ended, for whatever reason */
  constructor(onEnd: () => void) {
    this.worker
      .on('message', (same: boolean) => this.caller?.resolve(same))
      .on('error', (error) => this.caller?.reject(error))
      .on('exit', () => {
        this.caller?.reject(new Error('The thread that compares with bcrypt has ended.'));
        onEnd();
      })
      .unref();
  }

  async compare(password: string, hash: string): Promise<boolean> {
    // An idle thread must not keep the process alive.
    this.worker.ref();
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.caller = { resolve, reject };
        this.worker.postMessage({ password, hash });
      });
    } finally {
      this.caller = undefined;
      this.worker.unref();
    }
  }

  end(): void {
    void this.worker.terminate();
  }
}

/**
 * Creates a function that compares with bcryptjs in threads: it is JavaScript, and would hold the event loop. There are
 * as many threads as callers at once, which the queue limits. A thread that is idle for long is ended.
 */
export function createBcryptWorkers(): CompareBcrypt {
  const idle = new Map<BcryptThread, NodeJS.Timeout>();

  const remove = (thread: BcryptThread) => {
    clearTimeout(idle.get(thread));
    idle.delete(thread);
  };
  const start = () => {
    const thread: BcryptThread = new BcryptThread(() => remove(thread));
    return thread;
  };

  return async (password, hash) => {
    const thread = [...idle.keys()].pop() ?? start();
    remove(thread);
    // A thread that failed has ended: it is not put back.
    const same = await thread.compare(password, hash);
    const end = () => {
      // First: nobody may get a thread that is about to end.
      remove(thread);
      thread.end();
    };
    idle.set(thread, setTimeout(end, LONGEST_IDLE).unref());
    return same;
  };
}
