import type { RedisOptions } from 'ioredis';
import { readRedisUrl, type RedisHost } from '../core/redis-url';
import { redisDriver } from './driver';

/** Leads from an address that a set tells to one that can be reached from here. */
type NatMap = Record<string, RedisHost> | ((key: string) => RedisHost | null | undefined);

/** An ioredis client. Only its settings are read. */
export interface SingleClient {
  readonly options: RedisOptions;
}

/** An ioredis `Cluster`. Only its settings are read. */
export interface ClusterClient {
  readonly startupNodes: readonly (string | number | RedisOptions)[];
  readonly options: { readonly redisOptions?: RedisOptions; readonly natMap?: NatMap };
}

/** A URL of Redis, or a client whose settings are used to connect. */
export type RedisSource = string | SingleClient | ClusterClient;

/** How to connect to a host. */
type Login = Pick<RedisOptions, 'username' | 'password' | 'db' | 'tls' | 'family'>;

export interface OnePlan {
  readonly kind: 'one';
  readonly options: RedisOptions;
}

export interface SentinelsPlan {
  readonly kind: 'sentinels';
  readonly hosts: readonly (RedisHost & { readonly family?: number })[];
  readonly name: string;
  /** How to connect to a sentinel. */
  readonly asking: Login;
  readonly login: Login;
  readonly natMap?: NatMap;
  /** Whether sentinels that the given ones name may be asked too. */
  readonly learns: boolean;
}

export interface ClusterPlan {
  readonly kind: 'cluster';
  readonly hosts: readonly RedisHost[];
  readonly login: Login;
  readonly natMap?: NatMap;
}

/** What is taken from a source: where Redis is, and how to sign in. */
export type Plan = OnePlan | SentinelsPlan | ClusterPlan;

/**
 * The settings that are taken from a given client: the address and the credentials. The rest is ours: a client may
 * decode answers differently, or time out a read that is meant to block. Its role is not taken, because only a primary
 * can be used.
 */
const WHERE = [
  'Connector',
  'host',
  'port',
  'path',
  'family',
  'tls',
  'username',
  'password',
  'db',
  'name',
  'sentinels',
  'sentinelUsername',
  'sentinelPassword',
  'sentinelTLS',
  'enableTLSForSentinelMode',
  'updateSentinels',
  'natMap',
] as const satisfies readonly (keyof RedisOptions)[];

function planOfUrl(url: string): Plan {
  const address = readRedisUrl(url);
  if ('fault' in address) throw new Error(`The URL of Redis ${address.fault}`);
  // Field by field: ioredis takes any option from a URL's query, and prefers it to ours.
  const { username, password, db, family, isEncrypted } = address;
  const tls = isEncrypted ? {} : undefined;
  const login = { username, password, db, family, tls };
  if (address.kind === 'cluster') return { kind: 'cluster', hosts: address.hosts, login };
  if (address.kind === 'sentinels') {
    const { hosts, name, sentinelUser } = address;
    return { kind: 'sentinels', hosts, name, asking: { ...sentinelUser, family, tls }, login, learns: true };
  }
  const { path, host, port } = address;
  return { kind: 'one', options: { ...login, ...(path === undefined ? { host, port } : { path }) } };
}

function planOfClient({ options }: SingleClient): OnePlan | SentinelsPlan {
  const { username, password, db, family, tls, sentinels, name, natMap, updateSentinels } = options;
  if (!sentinels || options.Connector)
    return { kind: 'one', options: Object.fromEntries(WHERE.map((each) => [each, options[each]])) };
  return {
    kind: 'sentinels',
    hosts: sentinels.map(({ host = 'localhost', port = 26_379, ...more }) => ({
      host,
      port,
      family: more.family ?? family,
    })),
    name: name ?? '',
    asking: {
      username: options.sentinelUsername,
      password: options.sentinelPassword,
      tls: options.sentinelTLS,
    },
    login: { username, password, db, family, tls: options.enableTLSForSentinelMode ? tls : undefined },
    natMap: natMap as NatMap | undefined,
    learns: updateSentinels !== false,
  };
}

/** Reads the nodes of a Cluster client as ioredis does. */
export function readStartupNodes(nodes: ClusterClient['startupNodes']): (RedisOptions & RedisHost)[] {
  const { Redis } = redisDriver();
  return nodes.map((node) => {
    const options: RedisOptions =
      typeof node === 'number'
        ? { port: node }
        : typeof node === 'string'
          ? new Redis(node, { lazyConnect: true }).options
          : node;
    return { ...options, host: options.host ?? '127.0.0.1', port: options.port ?? 6379 };
  });
}

function planOfCluster({ startupNodes, options }: ClusterClient): ClusterPlan {
  const nodes = readStartupNodes(startupNodes);
  const { redisOptions = {}, natMap } = options;
  // Other nodes than these have only the common settings, so those count first.
  const { username, password, tls, family } = { ...nodes[0], ...withoutGaps(redisOptions) };
  return {
    kind: 'cluster',
    hosts: nodes.map(({ host, port }) => ({ host, port })),
    login: { username, password, tls, family },
    natMap,
  };
}

const withoutGaps = (options: RedisOptions): RedisOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));

export function planOf(source: RedisSource): Plan {
  if (typeof source === 'string') return planOfUrl(source);
  return 'startupNodes' in source ? planOfCluster(source) : planOfClient(source);
}

/** @returns where to connect to reach a host that a set has told */
export function translate(told: RedisHost, natMap: NatMap | undefined): RedisHost {
  const key = `${told.host}:${told.port}`;
  const found = typeof natMap === 'function' ? natMap(key) : natMap?.[key];
  return found ?? told;
}
