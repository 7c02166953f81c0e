import { faultOfEscapes } from './url-escapes';

/** One server, or one sentinel. */
export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

/** The user to sign in as. */
export interface RedisUser {
  readonly username?: string;
  readonly password?: string;
}

interface Common extends RedisUser {
  readonly db: number;
  /** 4 or 6; 0 for either. */
  readonly family?: number;
  readonly isEncrypted: boolean;
}

/** One Redis. */
export interface OneAddress extends Common, RedisHost {
  readonly kind: 'one';
  /** The path of a socket. If it is set, `host` and `port` are ignored. */
  readonly path?: string;
}

/** Sentinels, and the name of the primary that they watch. */
export interface SentinelsAddress extends Common {
  readonly kind: 'sentinels';
  readonly hosts: readonly RedisHost[];
  readonly name: string;
  /** The user on the sentinels. */
  readonly sentinelUser: RedisUser;
}

/** Some nodes of a cluster, which know the others. */
export interface ClusterAddress extends Common {
  readonly kind: 'cluster';
  readonly hosts: readonly RedisHost[];
}

/** The address of a Redis and the user to sign in as. */
export type RedisAddress = OneAddress | SentinelsAddress | ClusterAddress;

/** The rest of a sentence that begins with the setting's name, without any part of the URL. */
interface Faulty {
  readonly fault: string;
}

const DEFAULT_PORTS = { one: 6379, cluster: 6379, sentinels: 26_379 };
const PARAMETERS = ['db', 'family', 'username', 'password'];
const PARAMETERS_OF_SENTINELS = ['sentinelUsername', 'sentinelPassword'];

/** The most hosts in one URL. */
const MOST_HOSTS = 20;

/** What Sentinel accepts as the name of a primary. */
const NAME = /^[\w.-]{1,200}$/;

const KINDS = new Map<string, RedisAddress['kind']>([
  ['redis', 'one'],
  ['redis-sentinel', 'sentinels'],
  ['redis-cluster', 'cluster'],
]);

/** Reads the query; each name once. Refuses unknown parameters: ignoring one would hide a mistake. */
function readParameters(query: string, names: readonly string[]): Faulty | Map<string, string> {
  const parameters = new Map(new URLSearchParams(query));
  for (const name of parameters.keys())
    if (!names.includes(name))
      return { fault: `has an unknown parameter. Known parameters: ${names.join(', ')}.` };
  if (!/^\d{1,6}$/.test(parameters.get('db') ?? '0')) return { fault: 'must have a number as its db.' };
  if (!/^[046]$/.test(parameters.get('family') ?? '0'))
    return { fault: 'must have 0, 4 or 6 as its family.' };
  return parameters;
}

const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));

function readSocket(text: string): OneAddress | Faulty {
  const [path = '', query = ''] = text.split('?');
  const parameters = readParameters(query, PARAMETERS);
  if ('fault' in parameters) return parameters;
  return {
    kind: 'one',
    path,
    host: 'localhost',
    port: DEFAULT_PORTS.one,
    username: parameters.get('username'),
    password: parameters.get('password'),
    db: Number(parameters.get('db') ?? 0),
    isEncrypted: false,
  };
}

interface Parts {
  readonly kind: RedisAddress['kind'];
  readonly isEncrypted: boolean;
  /** `user:password`, still escaped. */
  readonly login: string;
  readonly hosts: readonly string[];
  /** Without its first slash, still escaped. */
  readonly path: string;
  readonly query: string;
}

/** Splits by hand: a URL parser refuses several hosts. */
function split(text: string): Parts | Faulty {
  const [, prefix = '', authority = '', path = '', query = ''] =
    /^([a-z-]+):\/\/([^/?]*)\/?([^?]*)\??(.*)$/is.exec(text) ?? [];
  const scheme = prefix.toLowerCase();
  const isEncrypted = /^rediss(-|$)/.test(scheme);
  const kind = KINDS.get(isEncrypted ? scheme.replace('rediss', 'redis') : scheme);
  if (kind === undefined)
    return {
      fault:
        'must start with redis://, redis-sentinel://, redis-cluster://, or the same with rediss for TLS, or be the path of a socket.',
    };
  const at = authority.lastIndexOf('@');
  const hosts = authority.slice(at + 1).split(',');
  return { kind, isEncrypted, login: authority.slice(0, Math.max(at, 0)), hosts, path, query };
}

/** Reads `host:port` with the user in front. Several hosts share the user. */
function readHost({ kind, login }: Parts, text: string) {
  const whole = `redis://${login === '' ? '' : `${login}@`}${text}`;
  if (!URL.canParse(whole) || (text === '' && kind !== 'one')) return undefined;
  const { hostname, port, username, password } = new URL(whole);
  return {
    host: hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(port || DEFAULT_PORTS[kind]),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}

function readHosts(parts: Parts): Faulty | { first: RedisHost & RedisUser; hosts: RedisHost[] } {
  const { kind, hosts, login } = parts;
  if (kind === 'one' && hosts.length > 1)
    return { fault: 'names several hosts. Start it with redis-sentinel:// or redis-cluster://.' };
  if (kind !== 'one' && login.includes('@'))
    return {
      fault: 'has more than one @. Write the user once, before the first host, and %40 for a @ in it.',
    };
  if (hosts.length > MOST_HOSTS) return { fault: `names more than ${MOST_HOSTS} hosts.` };
  const read = hosts.map((host) => readHost(parts, host)).filter((host) => host !== undefined);
  const [first] = read;
  if (!first || read.length < hosts.length)
    return { fault: 'is not a valid URL. Percent-encode special characters in its password.' };
  return { first, hosts: read.map(({ host, port }) => ({ host, port })) };
}

/** Reads the path: a database, behind the name of the primary for sentinels. */
function readPath({ kind, path }: Parts): Faulty | { name: string; db: string } {
  const isNamed = kind === 'sentinels';
  const [name = '', db = '', ...more] = isNamed ? decodeURIComponent(path).split('/') : ['', path];
  if (isNamed && !NAME.test(name))
    return {
      fault: 'has no name of a primary in its path. Write redis-sentinel://host:26379,host:26379/mymaster.',
    };
  if (more.length > 0 || !/^\d{0,6}$/.test(db))
    return {
      fault: `has a path that is not a database number. Write redis${isNamed ? '-sentinel://host:26379/mymaster/0' : '://host:6379/0'}.`,
    };
  return { name, db };
}

/**
 * Reads `redis://user:password@host:6379/0`, `redis-sentinel://user:password@host:26379,host:26379/mymaster/0`,
 * `redis-cluster://user:password@host:6379,host:6379`, the same with `rediss` for TLS, or the path of a socket. Unlike
 * ioredis it refuses a database that is not a number: ioredis makes it NaN, which ends the process.
 */
export function readRedisUrl(given: string): RedisAddress | Faulty {
  const text = given.trim();
  if (/^\/(?!\/)/.test(text)) return readSocket(text);
  const parts = split(text);
  if ('fault' in parts) return parts;
  const fault = faultOfEscapes(text);
  if (fault !== undefined) return { fault };
  const { kind, isEncrypted } = parts;
  const names = kind === 'sentinels' ? [...PARAMETERS, ...PARAMETERS_OF_SENTINELS] : PARAMETERS;
  const parameters = readParameters(parts.query, names);
  if ('fault' in parameters) return parameters;
  const path = readPath(parts);
  if ('fault' in path) return path;
  const read = readHosts(parts);
  if ('fault' in read) return read;
  const { first, hosts } = read;
  const common = {
    username: first.username || parameters.get('username'),
    password: first.password || parameters.get('password'),
    db: Number(path.db || parameters.get('db') || 0),
    family: numberOf(parameters.get('family')),
    isEncrypted,
  };
  if (kind === 'one') return { kind, ...common, host: first.host, port: first.port };
  if (kind === 'sentinels') {
    const username = parameters.get('sentinelUsername');
    const password = parameters.get('sentinelPassword');
    return { kind, ...common, hosts, name: path.name, sentinelUser: { username, password } };
  }
  if (common.db !== 0) return { fault: 'names a database, but a cluster has only database 0.' };
  return { kind, ...common, hosts };
}
