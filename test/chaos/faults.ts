import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, FleetNode, StoreName } from './fleet';
import type { Random } from './random';
import { follow, killForgetting, onRedis, promote } from './stores';

/** A fault that is made and repaired. */
export interface Fault {
  /** A description for the report. */
  readonly name: string;
  /** The parts it affects. Two faults that share a part are not made at once. */
  readonly claims: readonly string[];
  /** Its duration, in leases. */
  readonly leases: number;
  readonly strike: () => Promise<void> | void;
  readonly heal: () => Promise<void> | void;
}

type Treatment<Target> = (target: Target) => Promise<void> | void;

type Maker = (fleet: Fleet, random: Random) => Fault;

const nothing = () => undefined;

const nodeFault =
  (what: string, strike: Treatment<FleetNode>, heal: Treatment<FleetNode>): Maker =>
  ({ nodes }, random) => {
    const node = random.pick(nodes);
    const leases = 1.2 + 3 * random.next();
    return {
      name: `${node.name} ${what}`,
      claims: [node.name],
      leases,
      strike: () => strike(node),
      heal: () => heal(node),
    };
  };

/** A fault of the server that is the Redis primary at the time. */
const redisFault =
  (
    what: string,
    leases: readonly [number, number],
    strike: Treatment<Fleet>,
    heal: Treatment<Fleet>,
  ): Maker =>
  (fleet, random) => ({
    name: `Redis ${what}`,
    claims: ['Redis'],
    leases: leases[0] + (leases[1] - leases[0]) * random.next(),
    strike: () => strike(fleet),
    heal: () => heal(fleet),
  });

const postgresFault =
  (
    what: string,
    leases: readonly [number, number],
    strike: Treatment<Fleet>,
    heal: Treatment<Fleet>,
  ): Maker =>
  (fleet, random) => ({
    name: `Postgres ${what}`,
    // The wires too, because some of these faults use them.
    claims: ['Postgres', ...fleet.nodes.map(({ name }) => `${name} to postgres`)],
    leases: leases[0] + (leases[1] - leases[0]) * random.next(),
    strike: () => strike(fleet),
    heal: () => heal(fleet),
  });

const wireFault =
  (what: string, strike: (wire: Fleet['allWires'][number], random: Random) => void): Maker =>
  ({ nodes }, random) => {
    const node = random.pick(nodes);
    const store = random.pick<StoreName>(['postgres', 'redis', 'redis']);
    const leases = 0.3 + 3 * random.next();
    const wire = node.wires[store];
    return {
      name: `wire from ${node.name} to ${store} ${what}`,
      claims: [`${node.name} to ${store}`],
      leases,
      strike: () => strike(wire, random),
      heal: () => wire.restore(),
    };
  };

/**
 * A replica stops receiving writes and takes over later. As docs/guarantee.md assumes, the old primary has ended by
 * then. It comes back empty, as the replica of the new one.
 */
const failover: Maker = ({ stores, wiresTo }, random) => ({
  name: 'Redis fails over to a replica that lags',
  claims: ['Redis'],
  leases: 0.5 + 2 * random.next(),
  strike: async () => {
    await promote(stores.redis.replica);
  },
  heal: async () => {
    const { primary, replica } = stores.redis;
    await killForgetting(primary);
    stores.redis.primary = replica;
    stores.redis.replica = primary;
    for (const wire of wiresTo('redis')) wire.redirect(replica.url);
    await primary.start();
    await follow(primary, replica);
  },
});

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
    await onRedis(stores.redis.primary, async (client) => {
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
    strike: () => {
      evicting = evict();
      evicting.catch(() => undefined);
    },
    heal: async () => {
      over.abort();
      await evicting;
    },
  };
};

const connectionsLost: Maker = ({ allWires, nodes }) => ({
  name: 'every connection lost at once',
  claims: nodes.flatMap(({ name }) => [`${name} to postgres`, `${name} to redis`]),
  leases: 0.1,
  strike: () => {
    for (const wire of allWires) wire.dropAll();
  },
  heal: nothing,
});

const slowEverywhere: Maker = ({ allWires, nodes }, random) => ({
  name: 'every wire slow',
  claims: nodes.flatMap(({ name }) => [`${name} to postgres`, `${name} to redis`]),
  leases: 1 + 2 * random.next(),
  strike: () => {
    for (const wire of allWires) wire.slow(random.whole(1, 20), random.whole(0, 40));
  },
  heal: () => {
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

  'Redis back empty': redisFault(
    'killed, to come back empty',
    [0, 3],
    ({ stores }) => killForgetting(stores.redis.primary),
    ({ stores }) => stores.redis.primary.start(),
  ),
  'Redis restarted with old data': redisFault(
    'to come back with what it knows now',
    [0.3, 3],
    async ({ stores }) => {
      await onRedis(stores.redis.primary, (client) => client.save());
    },
    async ({ stores }) => {
      await stores.redis.primary.kill();
      await stores.redis.primary.start();
    },
  ),
  'Redis paused briefly': redisFault(
    'paused for less than a lease',
    [0.2, 0.9],
    ({ stores }) => stores.redis.primary.pause(),
    ({ stores }) => stores.redis.primary.resume(),
  ),
  'Redis paused': redisFault(
    'paused for longer than a lease',
    [1.1, 4],
    ({ stores }) => stores.redis.primary.pause(),
    ({ stores }) => stores.redis.primary.resume(),
  ),
  'Redis flushed': redisFault(
    'flushed',
    [0.1, 0.3],
    async ({ stores }) => {
      await onRedis(stores.redis.primary, (client) => client.flushall());
    },
    nothing,
  ),
  'Redis evicts': evictions,
  'Redis refuses writes': redisFault(
    'read only',
    [0.5, 3],
    async ({ stores }) => {
      await onRedis(stores.redis.primary, (client) => client.config('SET', 'min-replicas-to-write', '9'));
    },
    async ({ stores }) => {
      await onRedis(stores.redis.primary, (client) => client.config('SET', 'min-replicas-to-write', '0'));
    },
  ),
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
    async ({ stores }) => {
      await stores.postgres.kill();
      await stores.postgres.start();
    },
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
} as const satisfies Record<string, Maker>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];
