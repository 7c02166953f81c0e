import { fork } from 'node:child_process';
import { join } from 'node:path';
import { pin } from './core';

/** A program of this folder in its own process. It answers each order with one result. */
export interface Helper<Order, Result> {
  ask(order: Order): Promise<Result>;
  stop(): void;
}

/**
 * @param name the name of the file in this folder
 * @param core the core that it runs on; any if left out
 */
export function startHelper<Order extends object, Result>(
  name: string,
  core?: number,
): Helper<Order, Result> {
  const child = fork(join(__dirname, `${name}.js`), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  if (core !== undefined) pin(child.pid, core);
  let waiting: { resolve: (result: Result) => void; reject: (error: Error) => void } | undefined;
  child.on('message', (result) => {
    waiting?.resolve(result as Result);
    waiting = undefined;
  });
  child.once('exit', () => waiting?.reject(new Error(`${name} ended.`)));
  process.once('exit', () => child.kill('SIGKILL'));
  return {
    ask: (order) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        child.send(order);
      }),
    stop: () => void child.kill('SIGTERM'),
  };
}

/** For the program of a helper: answers each order with its result. An error ends the process. */
export function answerOrders(run: (order: never) => Promise<unknown>): void {
  process.on('message', (order) => {
    run(order as never).then(
      (result) => process.send?.(result),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}
