import { eventually } from '../support/eventually';
import { startProxy } from '../support/proxy';
import { type ClusterMember, type RedisCluster, startRedisCluster } from '../support/redis-cluster';
import { HOST, type Member } from '../support/redis-member';
import { type SentinelSet, startSentinelSet } from '../support/redis-sentinels';
import { startRedis, type TestServer } from '../support/servers';
import { follow } from './stores';
import { startSetWire, type Wire } from './wires';

export type RedisMode = 'single' | 'sentinels' | 'cluster';

interface Common {
  /** The server that is the primary of our data. Of a set: as the others see it. */
  primary(): Promise<TestServer>;
  /** Makes the way of one node. Its URL is the node's setting. */
  connect(): Promise<Wire>;
  dispose(): Promise<void>;
}

/** Two servers that know of no failover: the run makes one the primary. */
export interface RedisPair extends Common {
  readonly mode: 'single';
  /** The servers as they are now. */
  readonly pair: { primary: TestServer; replica: TestServer };
  /** Leads every node to another server. */
  redirect(url: string): void;
}

interface AnySet extends Common {
  /** The servers with data. */
  readonly members: readonly Member[];
  primary(): Promise<Member>;
  /** Asks for a failover, as an operator does before maintenance. */
  failOver(): Promise<void>;
  /** Resolves when all are as they should be. */
  whenWell(): Promise<void>;
}

export interface SentinelStore extends AnySet {
  readonly mode: 'sentinels';
  readonly sentinels: readonly Member[];
}

export interface ClusterStore extends AnySet {
  readonly mode: 'cluster';
  readonly cluster: RedisCluster;
  readonly members: readonly ClusterMember[];
  primary(): Promise<ClusterMember>;
  /** A key of ours: all are in one slot. */
  key(): Promise<string>;
}

/** Servers that fail over by themselves. */
export type RedisSet = SentinelStore | ClusterStore;

export type RedisStore = RedisPair | RedisSet;

/** How a set is made. */
export interface SetSettings {
  /** Replicas of each primary. */
  readonly replicas: number;
  /** More lines of `redis.conf`. */
  readonly settings: readonly string[];
  /**
   * Whether sentinels look every second, and not every ten. An old primary stays one for 2 to 3 s after a failover, and
   * not for 8 to 18 s.
   */
  readonly attentive: boolean;
}

/** ms of silence after which a server counts as failed. A few times the lease, as it should be. */
const DOWN_AFTER = 1500;

/** The user by whom replicas and sentinels come, so that they can be shut out while nodes are served. */
export const PEERS = 'peers';

/** The password by which nodes come. Without one, whoever is shut out would come as they do. */
const PASSWORD = 'for-nodes';

async function startPair(): Promise<RedisPair> {
  const [primary, replica] = await Promise.all([startRedis(), startRedis()]);
  await follow(replica, primary);
  const pair = { primary, replica };
  const wires: Awaited<ReturnType<typeof startProxy>>[] = [];
  return {
    mode: 'single',
    pair,
    primary: () => Promise.resolve(pair.primary),
    async connect() {
      const wire = await startProxy(pair.primary.url);
      wires.push(wire);
      return wire;
    },
    redirect: (url) => wires.forEach((wire) => wire.redirect(url)),
    async dispose() {
      await Promise.all([primary.dispose(), replica.dispose()]);
    },
  };
}

async function startSentinels({ replicas, settings, attentive }: SetSettings): Promise<SentinelStore> {
  const set: SentinelSet = await startSentinelSet({
    replicas,
    settings,
    downAfter: DOWN_AFTER,
    attentive,
    password: PASSWORD,
    peers: `${PEERS}:not-for-nodes`,
  });
  const { members, sentinels, name } = set;
  return {
    mode: 'sentinels',
    members,
    sentinels,
    primary: () => set.primary(),
    failOver: () => set.failover(),
    whenWell: () => set.whenWell(),
    connect: () =>
      startSetWire([...sentinels, ...members], (portFor) => {
        const hosts = sentinels.map((sentinel) => `${HOST}:${portFor(sentinel)}`);
        return `redis-sentinel://:${PASSWORD}@${hosts.join(',')}/${name}`;
      }),
    dispose: () => set.dispose(),
  };
}

async function startCluster({ replicas, settings }: SetSettings): Promise<ClusterStore> {
  const cluster = await startRedisCluster({
    replicas,
    // A replica of other primaries would count as one of ours: see docs/redis.md.
    settings: ['cluster-allow-replica-migration no', ...settings],
    nodeTimeout: DOWN_AFTER,
  });
  const { members } = cluster;
  let ours: string | undefined;
  const key = async () => {
    const lists = await Promise.all(
      members.map((member) => member.ask((client) => client.keys('{tokenfence:*')).catch(() => [])),
    );
    ours ??= lists.flat()[0];
    return ours ?? 'any';
  };
  const primary = async () => cluster.primaryOf(ours ?? (await key()));
  return {
    mode: 'cluster',
    cluster,
    members,
    key: async () => ours ?? key(),
    primary,
    // Only a replica may be asked.
    async failOver() {
      const [replica] = await cluster.replicasOf(await primary());
      if (!replica) throw new Error('The primary has no replica.');
      await eventually(() => replica.ask((client) => client.cluster('FAILOVER')));
    },
    whenWell: () => cluster.whenWell(),
    connect: () =>
      startSetWire(
        members,
        (portFor) => `redis-cluster://${members.map((member) => `${HOST}:${portFor(member)}`).join(',')}`,
      ),
    dispose: () => cluster.dispose(),
  };
}

export const startRedisStore = (mode: RedisMode, settings: SetSettings): Promise<RedisStore> => {
  if (mode === 'sentinels') return startSentinels(settings);
  return mode === 'cluster' ? startCluster(settings) : startPair();
};
