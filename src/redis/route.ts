import type { Redis } from 'ioredis';
import type { RedisHost } from '../core/redis-url';
import { redisDriver } from './driver';
import { openRedis } from './open';
import { KnownHosts, search } from './search';
import { type ClusterPlan, planOf, type RedisSource, type SentinelsPlan, translate } from './source';

/** Leads to the primary. What it learns is shared by the connections that use it. */
export interface Route {
  /** Whether another server may be the primary by now. */
  readonly hasChoice: boolean;
  /**
   * Opens a connection to the primary. Rejects with the reason why there is none.
   *
   * @param signal closes the connection, also when it is there
   */
  connect(signal: AbortSignal): Promise<Redis>;
}

/** How often a node may lead to another one, which may lead on while a slot moves. */
const MOST_HOPS = 4;

const keyOf = ({ host, port }: RedisHost) => `${host} ${port}`;

/** Throws if another attempt of this search asks the host already: a silent primary is waited for once. */
function claim(host: RedisHost, asked: Set<string>): void {
  if (asked.has(keyOf(host))) throw new Error(`the primary at ${keyOf(host)} does not answer`);
  asked.add(keyOf(host));
}

async function closingOnError<T>(client: Redis, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

/** Asks a sentinel where the primary is, and which other sentinels there are. */
async function askSentinel(client: Redis, { name, learns }: SentinelsPlan) {
  const [told, others] = await Promise.all([
    client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
    // Its user may lack the right.
    learns ? client.call('SENTINEL', 'SENTINELS', name).catch(() => []) : [],
  ]);
  const [host, port] = (told ?? []) as [string?, string?];
  if (!host) throw new Error(`a sentinel does not know the primary ${name}`);
  return {
    primary: { host, port: Number(port) },
    others: (others as string[][]).map(toSentinel).filter(isUsable),
  };
}

/** Redis names a node `?` or gives it no port if it does not know its address. */
const isUsable = ({ host, port }: RedisHost) => host !== '' && host !== '?' && port > 0;

function toSentinel(fields: readonly string[]): RedisHost {
  const at = (name: string) => fields[fields.indexOf(name) + 1] ?? '';
  return { host: at('ip'), port: Number(at('port')) };
}

function createSentinelsRoute(plan: SentinelsPlan): Route {
  const sentinels = new KnownHosts(plan.hosts);

  const lookUp = async (sentinel: RedisHost, signal: AbortSignal) => {
    const client = await openRedis({ ...plan.asking, ...sentinel, enableReadyCheck: false }, signal);
    try {
      const { primary, others } = await askSentinel(client, plan);
      sentinels.learn(others.map((other) => translate(other, plan.natMap)));
      return translate(primary, plan.natMap);
    } finally {
      client.disconnect();
    }
  };

  return {
    hasChoice: true,
    connect(signal) {
      const asked = new Set<string>();
      return search(
        sentinels.inAnyOrder(),
        async (sentinel, itsSignal) => {
          const primary = await lookUp(sentinel, itsSignal);
          claim(primary, asked);
          const client = await openRedis({ ...plan.login, ...primary }, itsSignal);
          return closingOnError(client, async () => {
            // A sentinel that was cut off still names the old primary.
            if (/^role:slave/m.test(await client.info('replication')))
              throw new Error(`the server at ${keyOf(primary)} is a replica`);
            return client;
          });
        },
        signal,
      );
    },
  };
}

/** @returns where this node of a cluster leads to for the slot of `key`; `undefined` if it has the slot itself */
async function askNode(client: Redis, node: RedisHost, key: string): Promise<RedisHost | undefined> {
  try {
    // Answered by the primary of the slot only. It needs no right to run CLUSTER.
    await client.exists(key);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    // The slot is being moved. This node has it until all its keys are gone.
    if (message.startsWith('ASK ')) return undefined;
    const [, host, port] = /^MOVED \d+ (.*):(\d+)$/.exec(message) ?? [];
    if (host === undefined || host === '?') throw error;
    return { host: host || node.host, port: Number(port) };
  }
}

/** Reads the nodes out of the answer to `CLUSTER SLOTS`. */
function nodesOf(slots: unknown, asked: RedisHost): RedisHost[] {
  const nodes = (slots as [number, number, ...[string | null, number][]][]).flatMap(([, , ...each]) => each);
  return nodes.map(([host, port]) => ({ host: host || asked.host, port })).filter(isUsable);
}

function createClusterRoute(plan: ClusterPlan, key: string): Route {
  const nodes = new KnownHosts(plan.hosts);

  /** Learns of the other nodes, if the user may ask. Without them, only the given ones are asked. */
  const learn = async (client: Redis, node: RedisHost) => {
    const slots = await client.call('CLUSTER', 'SLOTS').catch(() => []);
    nodes.learn(nodesOf(slots, node).map((each) => translate(each, plan.natMap)));
  };

  const follow = async (first: RedisHost, asked: Set<string>, signal: AbortSignal) => {
    let node = first;
    for (let hops = 0; hops < MOST_HOPS; hops++) {
      claim(node, asked);
      const client = await openRedis({ ...plan.login, ...node }, signal);
      const here = node;
      const next = await closingOnError(client, () => askNode(client, here, key));
      if (!next) {
        void learn(client, node).catch(() => undefined);
        return client;
      }
      client.disconnect();
      node = translate(next, plan.natMap);
    }
    throw new Error('the nodes of the cluster lead in a circle');
  };

  return {
    hasChoice: true,
    connect(signal) {
      const asked = new Set<string>();
      return search(nodes.inAnyOrder(), (node, itsSignal) => follow(node, asked, itsSignal), signal);
    },
  };
}

/** @param key one of those that are used there; all are in one slot of a cluster */
export function createRoute(source: RedisSource, key: string): Route {
  // A missing package is an error of the start, not of an attempt to connect.
  redisDriver();
  const plan = planOf(source);
  if (plan.kind === 'sentinels') return createSentinelsRoute(plan);
  if (plan.kind === 'cluster') return createClusterRoute(plan, key);
  return { hasChoice: false, connect: (signal) => openRedis(plan.options, signal) };
}
