import { eventually } from '../support/eventually';
import { type NodeProcess, startNodeProcess } from '../support/node-process';
import { type Proxy, startProxy } from '../support/proxy';
import { freePort } from '../support/servers';
import type { Env } from '../support/world';
import { startStores, type Stores } from './stores';

export type StoreName = 'postgres' | 'redis';

/** One node of the fleet, through all its lives. */
export interface FleetNode {
  readonly name: string;
  readonly url: string;
  readonly wires: Readonly<Record<StoreName, Proxy>>;
  signal(name: NodeJS.Signals): void;
  /** Ends it with this signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again. It tries for long, because a node does not start without Postgres. */
  start(): Promise<void>;
  /** Its last log lines, over all its lives. */
  lastLines(count: number): string[];
}

/** Nodes, stores, and a wire between each node and each store. */
export interface Fleet {
  readonly nodes: readonly FleetNode[];
  readonly stores: Stores;
  readonly allWires: readonly Proxy[];
  readonly wiresTo: (store: StoreName) => readonly Proxy[];
  close(): Promise<void>;
}

/** ms */
const START_PATIENCE = 120_000;

/** The characters kept from the log of a node's former lives. */
const LOG_KEPT = 20_000;

async function createNode(name: string, stores: Stores, env: Env): Promise<FleetNode> {
  const [postgres, redis] = await Promise.all([
    startProxy(stores.postgres.url),
    startProxy(stores.redis.primary.url),
  ]);
  // The same port over all its lives, so that clients try it while it is down.
  const port = await freePort();
  let process: NodeProcess | undefined;
  let before = '';
  const start = async () => {
    process = await eventually(
      () =>
        startNodeProcess({ DATABASE_URL: postgres.url, REDIS_URL: redis.url, ...env, PORT: String(port) }),
      START_PATIENCE,
    );
  };
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    wires: { postgres, redis },
    signal: (signal) => process?.signal(signal),
    async end(signal) {
      process?.signal(signal);
      await process?.ended;
      before = `${before}${process?.output() ?? ''}--- ended by ${signal} ---\n`.slice(-LOG_KEPT);
      process = undefined;
    },
    start,
    lastLines: (count) => `${before}${process?.output() ?? ''}`.trimEnd().split('\n').slice(-count),
  };
}

export async function startFleet(size: number, env: Env): Promise<Fleet> {
  const stores = await startStores();
  const nodes = await Promise.all(
    Array.from({ length: size }, (_, index) => createNode(`node ${index + 1}`, stores, env)),
  );
  const allWires = nodes.flatMap(({ wires }) => [wires.postgres, wires.redis]);
  const fleet: Fleet = {
    nodes,
    stores,
    allWires,
    wiresTo: (store) => nodes.map(({ wires }) => wires[store]),
    async close() {
      for (const node of nodes) node.signal('SIGCONT');
      await Promise.all(nodes.map((node) => node.end('SIGKILL')));
      await Promise.all(allWires.map((wire) => wire.close()));
      await stores.dispose();
    },
  };
  try {
    // Only the first node: it migrates the empty database.
    for (const node of nodes) await node.start();
  } catch (error) {
    await fleet.close();
    throw error;
  }
  return fleet;
}
