import { faultOfEscapes } from './url-escapes';

/** The address of a Redis and the user to sign in as. */
export interface RedisAddress {
  /** The path of a socket. If it is set, `host` and `port` are ignored. */
  readonly path?: string;
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** 4 or 6; 0 for either. */
  readonly family?: number;
  readonly isEncrypted: boolean;
}

/** The rest of a sentence that begins with the setting's name, without any part of the URL. */
interface Faulty {
  readonly fault: string;
}

const DEFAULT_PORT = 6379;
const PARAMETERS = ['db', 'family', 'username', 'password'];

/** Reads the query; each name once. Refuses unknown parameters: ignoring one would hide a mistake. */
function readParameters(query: URLSearchParams): Faulty | Map<string, string> {
  const parameters = new Map(query);
  for (const name of parameters.keys())
    if (!PARAMETERS.includes(name))
      return { fault: `has an unknown parameter. Known parameters: ${PARAMETERS.join(', ')}.` };
  if (!/^\d{1,6}$/.test(parameters.get('db') ?? '0')) return { fault: 'must have a number as its db.' };
  if (!/^[046]$/.test(parameters.get('family') ?? '0'))
    return { fault: 'must have 0, 4 or 6 as its family.' };
  return parameters;
}

const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));

function readSocket(text: string): RedisAddress | Faulty {
  const [path = '', query = ''] = text.split('?');
  const parameters = readParameters(new URLSearchParams(query));
  if ('fault' in parameters) return parameters;
  return {
    path,
    host: 'localhost',
    port: DEFAULT_PORT,
    username: parameters.get('username'),
    password: parameters.get('password'),
    db: Number(parameters.get('db') ?? 0),
    isEncrypted: false,
  };
}

/**
 * Reads `redis://user:password@host:6379/0`, the same with `rediss://`, or the path of a socket. Unlike ioredis it
 * refuses a database that is not a number: ioredis makes it NaN, which ends the process.
 */
export function readRedisUrl(given: string): RedisAddress | Faulty {
  const text = given.trim();
  if (/^\/(?!\/)/.test(text)) return readSocket(text);
  if (!/^rediss?:\/\//i.test(text))
    return { fault: 'must start with redis:// or rediss://, or be the path of a socket.' };
  const fault = faultOfEscapes(text);
  if (fault !== undefined) return { fault };
  if (!URL.canParse(text))
    return { fault: 'is not a valid URL. Percent-encode special characters in its password.' };
  const url = new URL(text);
  const parameters = readParameters(url.searchParams);
  if ('fault' in parameters) return parameters;
  const db = url.pathname.slice(1);
  if (!/^\d{0,6}$/.test(db))
    return {
      fault: 'has a path that is not a database number. Write redis://host:6379/0.',
    };
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(url.port || DEFAULT_PORT),
    username: decodeURIComponent(url.username) || parameters.get('username'),
    password: decodeURIComponent(url.password) || parameters.get('password'),
    db: Number(db || parameters.get('db') || 0),
    family: numberOf(parameters.get('family')),
    isEncrypted: url.protocol === 'rediss:',
  };
}
