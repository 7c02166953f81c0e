import { newEmbeddedFolder } from './embedded-folder';
import { type NodeProcess, startNodeProcess } from './node-process';
import { createWorld, type World } from './world';

const notHere = () =>
  Promise.reject(new Error('The embedded database cannot be reached from outside its process.'));

/** The embedded mode in a process of its own, as a world. */
export async function createEmbeddedWorld(): Promise<World> {
  const folder = await newEmbeddedFolder();
  let node: Promise<NodeProcess> | undefined;
  return {
    databaseUrl: '',
    redisUrl: undefined,
    // Every node of this world is the one process.
    async node() {
      const { api, url } = await (node ??= startNodeProcess({ DATA_DIR: folder.path }));
      return { api, url, log: [], announceStop: () => undefined, close: () => Promise.resolve() };
    },
    sql: notHere,
    hold: notHere,
    stop: notHere,
    async close() {
      const running = await node;
      running?.signal('SIGTERM');
      if (running && (await running.ended) !== 0)
        throw new Error(`It did not stop well:\n${running.output()}`);
      await folder.remove();
    },
  };
}

/**
 * The stores of a server. With Redis the nodes share records. Without it each check reads Postgres. The embedded mode is
 * one node with a Postgres in its own process. The promises are the same.
 */
export const EVERY_STORE: [name: string, create: () => Promise<World>][] = [
  ['two nodes on Postgres and Redis', () => createWorld()],
  ['two nodes on Postgres only', () => createWorld({ redis: null })],
  ['the embedded mode', createEmbeddedWorld],
];
