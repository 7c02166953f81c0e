import { setTimeout as sleep } from 'node:timers/promises';
import type { TestServer } from '../support/servers';
import { between, type Maker } from './fault';
import type { Fleet, FleetNode, StoreName } from './fleet';
import type { Random } from './random';
import { EVIL_FAULTS, SERVICE_FAULTS } from './service-faults';
import { CLUSTER_FAULTS, SENTINEL_FAULTS, SET_FAULTS } from './set-faults';
import { follow, killForgetting, onRedis, promote } from './stores';
import type { Wire } from './wires';

type Change<Target> = (target: Target) => unknown;

type Of<Part> = (fleet: Fleet) => Part;

const nothing = () => undefined;
const pause: Change<TestServer> = (server) => server.pause();
const resume: Change<TestServer> = (server) => server.resume();
const restart: Change<TestServer> = async (server) => {
  await server.kill();
  await server.start();
};
const needReplicas =
  (count: string): Change<TestServer> =>
  (server) =>
    onRedis(server, (client) => client.config('SET', 'min-replicas-to-write', count));

const nodeFault =
  (what: string, make: Change<FleetNode>, repair: Change<FleetNode>): Maker =>
  ({ nodes }, random) => {
    const node = random.pick(nodes);
    const leases = between(random, [1.2, 4.2]);
    return {
      name: `${node.name} ${what}`,
      claims: [node.name],
      leases,
      make: () => make(node),
      repair: () => repair(node),
    };
  };

const storeFault =
  <Target>(
    store: 'Redis' | 'Postgres',
    claimsOf: Of<readonly string[]>,
    targetOf: Of<Target | Promise<Target>>,
  ) =>
  (what: string, leases: readonly [number, number], make: Change<Target>, repair: Change<Target>): Maker =>
  (fleet, random) => {
    let target: Target;
    return {
      name: `${store} ${what}`,
      claims: claimsOf(fleet),
      leases: between(random, leases),
      make: async () => {
        target = await targetOf(fleet);
        await make(target);
      },
      repair: () => repair(target),
    };
  };

/** A fault of the server that is the Redis primary at the time. */
const redisFault = storeFault(
  'Redis',
  () => ['Redis'],
  ({ stores }) => stores.redis.primary(),
);

const postgresFault = storeFault(
  'Postgres',
  // The wires too, because some of these faults use them.
  ({ nodes }) => ['Postgres', ...nodes.map(({ name }) => `${name} to postgres`)],
  (fleet) => fleet,
);

const wireFault =
  (what: string, make: (wire: Wire, random: Random) => void): Maker =>
  ({ nodes }, random) => {
    const node = random.pick(nodes);
    const store = random.pick<StoreName>(['postgres', 'redis', 'redis']);
    const leases = between(random, [0.3, 3.3]);
    const wire = node.wires[store];
    return {
      name: `wire from ${node.name} to ${store} ${what}`,
      claims: [`${node.name} to ${store}`],
      leases,
      make: () => wire && make(wire, random),
      repair: () => wire?.restore(),
    };
  };

/**
 * A replica stops receiving writes and takes over later. As docs/guarantee.md assumes, the old primary has ended by
 * then. It comes back empty, as the replica of the new one.
 */
const failover: Maker = ({ stores }, random) => ({
  name: 'Redis fails over to a replica that lags',
  claims: ['Redis'],
  leases: 0.5 + 2 * random.next(),
  make: () => promote(pairOf(stores).pair.replica),
  repair: async () => {
    const redis = pairOf(stores);
    const { pair } = redis;
    const { primary, replica } = pair;
    await killForgetting(primary);
    pair.primary = replica;
    pair.replica = primary;
    redis.redirect(replica.url);
    await primary.start();
    await follow(primary, replica);
  },
});

function pairOf({ redis }: Fleet['stores']) {
  if (redis.mode !== 'single') throw new Error('A set fails over by itself.');
  return redis;
}

/** The time between two evictions, in ms. */
const EVICTION_INTERVAL = 40;

/**
 * Redis runs out of memory and evicts records at once, those that expire first before others, and sometimes any key.
 * So records are filled all the time while revocations arrive.
 */
const evictions: Maker = ({ stores }, random) => {
  const over = new AbortController();
  let evicting: Promise<void> = Promise.resolve();
  const evict = async () => {
    await onRedis(await stores.redis.primary(), async (client) => {
      while (!over.signal.aborted) {
        for (const key of await client.keys('*')) {
          const expires = (await client.pttl(key)) > 0;
          if (random.chance(expires ? 0.25 : 0.003)) await client.del(key);
        }
        await sleep(EVICTION_INTERVAL);
      }
    });
  };
  return {
    name: 'Redis evicts what it holds',
    claims: ['Redis'],
    leases: 1 + 3 * random.next(),
    make: () => {
      evicting = evict();
      evicting.catch(() => undefined);
    },
    repair: async () => {
      over.abort();
      await evicting;
    },
  };
};

const connectionsLost: Maker = ({ allWires, nodes }) => ({
  name: 'every connection lost at once',
  claims: nodes.flatMap(({ name }) => [`${name} to postgres`, `${name} to redis`]),
  leases: 0.1,
  make: () => {
    for (const wire of allWires) wire.dropAll();
  },
  repair: nothing,
});

const slowEverywhere: Maker = ({ allWires, nodes }, random) => ({
  name: 'every wire slow',
  claims: nodes.flatMap(({ name }) => [`${name} to postgres`, `${name} to redis`]),
  leases: 1 + 2 * random.next(),
  make: () => {
    for (const wire of allWires) wire.slow(random.whole(1, 20), random.whole(0, 40));
  },
  repair: () => {
    for (const wire of allWires) wire.restore();
  },
});

/** Every kind of fault by its name in the report. */
export const FAULTS = {
  'node killed': nodeFault(
    'killed',
    (node) => node.end('SIGKILL'),
    (node) => node.start(),
  ),
  'node restarted': nodeFault(
    'told to stop',
    (node) => node.end('SIGTERM'),
    (node) => node.start(),
  ),
  'node paused': nodeFault(
    'paused',
    (node) => node.signal('SIGSTOP'),
    (node) => node.signal('SIGCONT'),
  ),

  'Redis back empty': redisFault('killed, to come back empty', [0, 3], killForgetting, (primary) =>
    primary.start(),
  ),
  'Redis restarted with old data': redisFault(
    'to come back with what it knows now',
    [0.3, 3],
    (primary) => onRedis(primary, (client) => client.save()),
    restart,
  ),
  'Redis paused briefly': redisFault('paused for less than a lease', [0.2, 0.9], pause, resume),
  'Redis paused': redisFault('paused for longer than a lease', [1.1, 4], pause, resume),
  'Redis flushed': redisFault(
    'flushed',
    [0.1, 0.3],
    (primary) => onRedis(primary, (client) => client.flushall()),
    nothing,
  ),
  'Redis evicts': evictions,
  'Redis refuses writes': redisFault('read only', [0.5, 3], needReplicas('9'), needReplicas('0')),
  'Redis failover': failover,

  'Postgres killed': postgresFault(
    'killed',
    [0.5, 3],
    ({ stores }) => stores.postgres.kill(),
    ({ stores }) => stores.postgres.start(),
  ),
  'Postgres restarted at once': postgresFault(
    'restarted at once',
    [0, 0],
    ({ stores }) => restart(stores.postgres),
    nothing,
  ),
  'Postgres paused': postgresFault(
    'paused',
    [0.5, 4],
    // Stalled on the wires: pausing the first process of Postgres leaves the others running.
    ({ wiresTo }) => {
      for (const wire of wiresTo('postgres')) wire.stall();
    },
    ({ wiresTo }) => {
      for (const wire of wiresTo('postgres')) wire.restore();
    },
  ),

  'wire cut': wireFault('cut', (wire) => wire.cut()),
  'wire silent': wireFault('silent', (wire) => wire.silence()),
  'wire deaf': wireFault('without answers', (wire) => wire.deafen()),
  'wire stalled': wireFault('stalled', (wire) => wire.stall()),
  'wire slow': wireFault('slow', (wire, random) =>
    wire.slow(random.whole(5, 150), random.pick([0, 50, 200])),
  ),
  'all wires slow': slowEverywhere,
  'all connections lost': connectionsLost,

  ...SET_FAULTS,
  ...SENTINEL_FAULTS,
  ...CLUSTER_FAULTS,

  ...SERVICE_FAULTS,
} as const satisfies Record<string, Maker>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

const NODE_FAULTS: readonly FaultKind[] = ['node killed', 'node restarted', 'node paused'];

/** The kinds that only the run itself can repair: in a set, a failover happens meanwhile, and has kinds of its own. */
const PAIR_FAULTS: readonly FaultKind[] = [
  'Redis back empty',
  'Redis restarted with old data',
  'Redis paused',
  'Redis failover',
];

function fits(
  kind: FaultKind,
  { services, mode, stores }: Pick<Fleet, 'services' | 'mode' | 'stores'>,
): boolean {
  if (kind in SERVICE_FAULTS) return services.length > 0;
  if (mode === 'embedded') return NODE_FAULTS.includes(kind);
  const redis = stores.redis.mode;
  if (kind in SENTINEL_FAULTS) return redis === 'sentinels';
  if (kind in CLUSTER_FAULTS) return redis === 'cluster';
  if (kind in SET_FAULTS) return redis !== 'single';
  return redis === 'single' || !PAIR_FAULTS.includes(kind);
}

/**
 * The kinds that this fleet can have: some need services, the embedded mode has no servers, and a set has other faults
 * than a single server.
 */
export const kindsFor = (
  fleet: Pick<Fleet, 'services' | 'mode' | 'stores'>,
  kinds: readonly FaultKind[] = FAULT_KINDS,
): FaultKind[] => kinds.filter((kind) => fits(kind, fleet));

/** Whether it is followers that do harm. */
export const isEvil = (kind: FaultKind): boolean => kind in EVIL_FAULTS;
