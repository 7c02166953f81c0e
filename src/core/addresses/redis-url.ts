import { faultOfEscapes } from './escapes';

/** Where a Redis is, and as whom to go there. */
export interface RedisAddress {
  /** A socket's path; then `host` and `port` have no meaning. */
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

/** The rest of a sentence that begins with the name of the setting; nothing of the URL is in it. */
interface Faulty {
  readonly fault: string;
}

const DEFAULT_PORT = 6379;
const PARAMETERS = ['db', 'family', 'username', 'password'];

/** What `?…` says; each name once. A parameter that is not read would be a wish that is silently not granted. */
function readParameters(query: URLSearchParams): Faulty | Map<string, string> {
  const parameters = new Map(query);
  for (const name of parameters.keys())
    if (!PARAMETERS.includes(name))
      return { fault: `has a parameter that is not read. These are: ${PARAMETERS.join(', ')}.` };
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
 * Reads `redis://user:password@host:6379/0`, the same with `rediss://`, or the path of a socket, as ioredis does, but in
 * full: ioredis makes NaN of a database that is not a number, and ends the process by it.
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
      fault: 'has something behind its host that is not the number of a database. Write redis://host:6379/0.',
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
