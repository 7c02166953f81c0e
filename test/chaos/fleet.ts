import { eventually } from '../support/eventually';
import { type NodeProcess, startNodeProcess } from '../support/node-process';
import { startProxy } from '../support/proxy';
import { freePort, startPostgres, type TestServer } from '../support/servers';
import type { Env } from '../support/world';
import { createAddresses } from './addresses';
import { createEmbeddedNode } from './embedded-fleet';
import { createService, type Service } from './services';
import { type RedisMode, type RedisStore, type SetSettings, startRedisStore } from './redis-stores';
import { onPostgres } from './stores';
import type { Wire } from './wires';

export type StoreName = 'postgres' | 'redis';

/** A node's way to each store. */
export type Wires = Readonly<Partial<Record<StoreName, Wire>>>;

export interface Stores {
  readonly postgres: TestServer;
  readonly redis: RedisStore;
}

/** A process that checks tokens: a node, or a service. */
export interface Checker {
  readonly kind: 'node' | 'service';
  /** Where clients present tokens. Default: in GraphQL. */
  readonly asked?: 'graphql' | 'verify';
  readonly name: string;
  readonly url: string;
  /** Its last log lines, over all its lives. */
  lastLines(count: number): string[];
}

/** One node of the fleet, through all its lives. */
export interface FleetNode extends Checker {
  /** None in the embedded mode. */
  readonly wires: Wires;
  signal(name: NodeJS.Signals): void;
  /** Ends it with this signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again. It tries for long, because a node does not start without Postgres. */
  start(): Promise<void>;
}

/** Nodes and what they store in. */
export interface Nodes {
  readonly mode: 'servers' | 'embedded';
  readonly nodes: readonly FleetNode[];
  /** None in the embedded mode. */
  readonly stores: Stores;
  /** Runs SQL without the knowledge of the nodes. */
  sql<Row extends object>(text: string): Promise<Row[]>;
  /** Ends what they store in, after them. */
  dispose(): Promise<void>;
}

/** Nodes, a wire between each node and each store, and services that follow. */
export interface Fleet extends Omit<Nodes, 'dispose'> {
  readonly services: readonly Service[];
  /** All that checks tokens: nodes and services. */
  readonly checkers: readonly Checker[];
  /** What services follow with. */
  readonly secret: string;
  /** Returns the address from which another follower connects. */
  readonly addresses: () => string;
  readonly allWires: readonly Wire[];
  readonly wiresTo: (store: StoreName) => readonly Wire[];
  close(): Promise<void>;
}

export interface FleetOptions {
  /** The number of nodes: 1 in the embedded mode. */
  readonly nodes: number;
  readonly services: number;
  readonly mode: Nodes['mode'];
  /** What the nodes share; not in the embedded mode. */
  readonly redis: RedisMode;
  readonly set: SetSettings;
}

/** ms */
const START_PATIENCE = 120_000;

/** The characters kept from the log of a node's former lives. */
const LOG_KEPT = 20_000;

export async function createNode(name: string, wires: Wires, env: Env): Promise<FleetNode> {
  // The same port over all its lives, so that clients try it while it is down.
  const port = await freePort();
  let process: NodeProcess | undefined;
  let before = '';
  return {
    kind: 'node',
    name,
    url: `http://127.0.0.1:${port}`,
    wires,
    signal: (signal) => process?.signal(signal),
    async end(signal) {
      process?.signal(signal);
      await process?.ended;
      before = `${before}${process?.output() ?? ''}--- ended by ${signal} ---\n`.slice(-LOG_KEPT);
      process = undefined;
    },
    async start() {
      process = await eventually(() => startNodeProcess({ ...env, PORT: String(port) }), START_PATIENCE);
    },
    lastLines: (count) => `${before}${process?.output() ?? ''}`.trimEnd().split('\n').slice(-count),
  };
}

async function createNodes({ nodes: size, redis: kind, set }: FleetOptions, env: Env): Promise<Nodes> {
  const [server, shared] = await Promise.all([startPostgres(), startRedisStore(kind, set)]);
  const createOne = async (name: string) => {
    const [postgres, redis] = await Promise.all([startProxy(server.url), shared.connect()]);
    const urls = { DATABASE_URL: postgres.url, REDIS_URL: redis.url };
    return createNode(name, { postgres, redis }, { ...urls, ...env });
  };
  return {
    mode: 'servers',
    nodes: await Promise.all(Array.from({ length: size }, (_, i) => createOne(`node ${i + 1}`))),
    stores: { postgres: server, redis: shared },
    sql: (text) => onPostgres(server, text),
    async dispose() {
      await Promise.all([server.dispose(), shared.dispose()]);
    },
  };
}

const ISSUER = 'https://auth.example.com';

const SECRET = 'only for services under fire: 4Kd9xWq2';

export async function startFleet(options: FleetOptions, env: Env): Promise<Fleet> {
  const { services: count, mode } = options;
  const ownEnv = { ISSUER, INTROSPECTION_SECRET: SECRET, ...env };
  const made = mode === 'embedded' ? await createEmbeddedNode(ownEnv) : await createNodes(options, ownEnv);
  const { nodes } = made;
  const addresses = createAddresses();
  const services = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      createService({
        name: `service ${index + 1}${index % 2 === 1 ? ' (guard)' : ''}`,
        // Every second one is `tokenfence guard`.
        program: index % 2 === 1 ? 'guard' : 'own',
        home: nodes[index % nodes.length] as FleetNode,
        issuer: ISSUER,
        secret: SECRET,
        address: addresses,
      }),
    ),
  );
  const allWires = nodes.flatMap(({ wires }) => Object.values(wires));
  const fleet: Fleet = {
    mode,
    nodes,
    services,
    checkers: [...nodes, ...services],
    secret: SECRET,
    addresses,
    get stores() {
      return made.stores;
    },
    sql: (text) => made.sql(text),
    allWires,
    wiresTo: (store) => nodes.flatMap(({ wires }) => wires[store] ?? []),
    async close() {
      const processes = [...services, ...nodes];
      for (const each of processes) each.signal('SIGCONT');
      await Promise.all(processes.map((each) => each.end('SIGKILL')));
      await Promise.all([...allWires, ...services.map(({ wire }) => wire)].map((wire) => wire.close()));
      await made.dispose();
    },
  };
  try {
    // Only the first node: it migrates the empty database.
    for (const node of nodes) await node.start();
    await Promise.all(services.map((service) => service.start()));
  } catch (error) {
    await fleet.close();
    throw error;
  }
  return fleet;
}
