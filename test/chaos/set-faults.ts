import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually';
import type { ClusterMember } from '../support/redis-cluster';
import type { Member } from '../support/redis-member';
import { between, type Fault, type Maker } from './fault';
import type { Fleet } from './fleet';
import type { Random } from './random';
import { type ClusterStore, PEERS, type RedisSet, type SentinelStore } from './redis-stores';

// Faults of servers that fail over by themselves. Each lasts until another server has taken over, and for some leases
// more. Each ends when every server has its role again: a second fault before that may leave nobody to take over.

/** ms for a set to recover on a slow machine. */
const PATIENCE = 90_000;

function setOf({ stores }: Fleet): RedisSet {
  if (stores.redis.mode === 'single') throw new Error('This fault needs servers that fail over.');
  return stores.redis;
}

const untilAnother = (set: RedisSet, than: Member) =>
  eventually(async () => {
    if ((await set.primary()).port === than.port) throw new Error('No other server has taken over.');
  }, PATIENCE);

const whenWell = (set: RedisSet) => eventually(() => set.whenWell(), PATIENCE);

interface Parts {
  /** The parts beside Redis that it affects. */
  readonly claims?: readonly string[];
  readonly leases: readonly [number, number];
  readonly make: (set: RedisSet) => Promise<unknown>;
  readonly repair: (set: RedisSet) => unknown;
}

const setFault =
  (what: string, partsOf: (fleet: Fleet, random: Random) => Parts): Maker =>
  (fleet, random) => {
    const { claims = [], leases, make, repair } = partsOf(fleet, random);
    return {
      name: `Redis: ${what}`,
      claims: ['Redis', ...claims],
      leases: between(random, leases),
      make: () => make(setOf(fleet)),
      repair: async () => {
        await repair(setOf(fleet));
        await whenWell(setOf(fleet));
      },
    } satisfies Fault;
  };

/** A fault of the primary of our data, or of what `choose` names. */
const memberFault = (
  what: string,
  leases: readonly [number, number],
  make: (member: Member, set: RedisSet) => unknown,
  repair: (member: Member) => unknown,
  choose: (set: RedisSet, random: Random) => Promise<Member> = (set) => set.primary(),
): Maker =>
  setFault(what, (_fleet, random) => {
    let member: Member;
    return {
      leases,
      make: async (set) => {
        member = await choose(set, random);
        await make(member, set);
      },
      repair: () => repair(member),
    };
  });

const otherThanPrimary = async (set: RedisSet, random: Random) => {
  const primary = await set.primary();
  return random.pick(set.members.filter(({ port }) => port !== primary.port));
};

/**
 * A host is suspended, with a node and the primary on it, until others have taken over. When it continues, both have the
 * connection that they had.
 */
const hostPaused = setFault(
  'the primary and a node paused together until another took over',
  (fleet, random) => {
    const node = random.pick(fleet.nodes);
    let primary: Member;
    return {
      claims: [node.name, `${node.name} to redis`],
      leases: [0.2, 4],
      make: async (set) => {
        primary = await set.primary();
        primary.pause();
        node.signal('SIGSTOP');
        await untilAnother(set, primary);
      },
      repair: () => {
        primary.resume();
        node.signal('SIGCONT');
      },
    };
  },
);

/**
 * A failover before maintenance. The old primary lives, so it may be a primary for a while longer, and cuts nobody off.
 * Some nodes lose their connections, for whatever reason, and find the new one.
 */
const failoverAskedFor = setFault('a failover that was asked for', ({ nodes }, random) => {
  const moved = random.shuffled(nodes).slice(0, random.whole(0, nodes.length - 1));
  return {
    claims: moved.map(({ name }) => `${name} to redis`),
    leases: [0.2, 3],
    make: async (set) => {
      const primary = await set.primary();
      await set.failOver();
      await untilAnother(set, primary);
      for (const { wires } of moved) wires.redis?.dropAll();
    },
    repair: () => undefined,
  };
});

const all = (work: (member: Member) => Promise<unknown>) => (set: RedisSet) =>
  Promise.all([...(set.mode === 'sentinels' ? set.sentinels : []), ...set.members].map(work));

/** The faults of every set. */
export const SET_FAULTS = {
  'primary killed': memberFault(
    'the primary killed until another took over',
    [0.2, 3],
    async (primary, set) => {
      await primary.kill();
      await untilAnother(set, primary);
    },
    (primary) => primary.start(),
  ),
  'primary restarted at once': memberFault(
    'the primary killed, and back at once without data',
    [0, 0.3],
    (primary) => primary.kill(),
    (primary) => primary.start(),
  ),
  'primary paused': memberFault(
    'the primary paused until another took over',
    [0.2, 4],
    async (primary, set) => {
      primary.pause();
      await untilAnother(set, primary);
    },
    (primary) => primary.resume(),
  ),
  'host paused': hostPaused,
  'failover asked for': failoverAskedFor,
  'replica killed': memberFault(
    'a replica killed',
    [0.5, 4],
    (replica) => replica.kill(),
    (replica) => replica.start(),
    otherThanPrimary,
  ),
  'replica paused': memberFault(
    'a replica paused',
    [0.3, 4],
    (replica) => replica.pause(),
    (replica) => replica.resume(),
    otherThanPrimary,
  ),
  'set restarted': setFault('every server killed and started', () => ({
    leases: [0, 2],
    make: all((member) => member.kill()),
    repair: all((member) => member.start()),
  })),
} as const satisfies Record<string, Maker>;

const sentinelOf = (set: RedisSet, random: Random) =>
  Promise.resolve(random.pick((set as SentinelStore).sentinels));

const letPeers = (member: Member, what: 'on' | 'off') =>
  member.ask(async (client) => {
    await client.call('ACL', 'SETUSER', PEERS, what);
    if (what === 'off') await client.call('CLIENT', 'KILL', 'USER', PEERS);
  });

/** The faults of sentinels. */
export const SENTINEL_FAULTS = {
  'primary cut off': setFault(
    'the primary cut off from replicas and sentinels, and not from nodes',
    (fleet, random) => {
      const moved = random.shuffled(fleet.nodes).slice(0, random.whole(0, fleet.nodes.length - 1));
      let primary: Member;
      return {
        claims: moved.map(({ name }) => `${name} to redis`),
        leases: [0.2, 4],
        make: async (set) => {
          primary = await set.primary();
          await letPeers(primary, 'off');
          await untilAnother(set, primary);
          for (const { wires } of moved) wires.redis?.dropAll();
        },
        repair: () => letPeers(primary, 'on'),
      };
    },
  ),
  'sentinel killed': memberFault(
    'a sentinel killed',
    [0.5, 4],
    (sentinel) => sentinel.kill(),
    (sentinel) => sentinel.start(),
    sentinelOf,
  ),
  'sentinel paused': memberFault(
    'a sentinel paused',
    [0.5, 4],
    (sentinel) => sentinel.pause(),
    (sentinel) => sentinel.resume(),
    sentinelOf,
  ),
  'all sentinels paused': setFault('every sentinel paused', () => ({
    leases: [0.5, 3],
    make: (set) => {
      for (const sentinel of (set as SentinelStore).sentinels) sentinel.pause();
      return Promise.resolve();
    },
    repair: (set) => {
      for (const sentinel of (set as SentinelStore).sentinels) sentinel.resume();
    },
  })),
} as const satisfies Record<string, Maker>;

/** Primaries of other slots than ours. */
async function otherPrimaries(set: ClusterStore): Promise<ClusterMember[]> {
  const ours = await set.primary();
  const roles = await Promise.all(
    set.members.map((member) => member.ask(async (client) => (await client.role())[0]).catch(() => '')),
  );
  return set.members.filter((member, index) => roles[index] === 'master' && member !== ours);
}

/** Our slot is moved to another primary, and rests for a while with half of its keys on each. */
const slotMoved = (what: string, rest: readonly [number, number]): Maker =>
  setFault(what, (_fleet, random) => {
    const pause = between(random, rest);
    return {
      leases: [0.1, 2],
      make: async (set) => {
        const store = set as ClusterStore;
        const to = random.pick(await otherPrimaries(store));
        await store.cluster.moveSlot(await store.key(), to, () => sleep(pause));
      },
      repair: () => undefined,
    };
  });

/** A replica takes over without the agreement of the others, or of the primary, which goes on for a moment. */
const seized = (how: 'FORCE' | 'TAKEOVER'): Maker =>
  memberFault(
    `a replica took over by ${how}`,
    [0.2, 2],
    async (primary, set) => {
      const { cluster } = set as ClusterStore;
      const [replica] = await cluster.replicasOf(primary as ClusterMember);
      await replica?.ask((client) => client.call('CLUSTER', 'FAILOVER', how));
      if (replica) await untilAnother(set, primary);
    },
    () => undefined,
  );

/** The faults of a cluster. */
export const CLUSTER_FAULTS = {
  'slot moved': slotMoved('our slot moved', [0, 30]),
  'slot half moved': slotMoved('our slot moved, with a rest half-way', [200, 2500]),
  'other primary killed': memberFault(
    'the primary of another slot killed',
    [0.5, 5],
    (primary) => primary.kill(),
    (primary) => primary.start(),
    async (set, random) => random.pick(await otherPrimaries(set as ClusterStore)),
  ),
  'failover forced': seized('FORCE'),
  'failover seized': seized('TAKEOVER'),
} as const satisfies Record<string, Maker>;
