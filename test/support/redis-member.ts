import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { HOW_TO_INSTALL } from './docker-server';
import { findProgram } from './programs';
import { launch, type TestServer } from './server-process';

/** Paths of a server's certificate for 127.0.0.1, its key, and the authority that signed it. */
export interface ServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What every server of a set is started with. */
export interface MemberOptions {
  /** The password of the user `default`, who may do everything. Servers of the set use it among themselves. */
  readonly password?: string;
  /** More users, as after `user` in `redis.conf`. */
  readonly users?: readonly string[];
  /** With it, servers answer TLS only, and speak it among themselves. */
  readonly tls?: ServerTls;
  /** More lines of `redis.conf`. */
  readonly settings?: readonly string[];
}

/** One server of a set, by its process. */
export interface Member extends TestServer {
  readonly port: number;
  /** Runs commands on it as `default`, on a connection of its own. */
  ask<T>(work: (client: Redis) => Promise<T>): Promise<T>;
}

export const HOST = '127.0.0.1';

/** Lines of `redis.conf` that a set's servers and its sentinels share. */
const shared = (port: number, { password, tls }: MemberOptions): string[] => [
  `bind ${HOST}`,
  ...(tls === undefined
    ? [`port ${port}`]
    : [
        'port 0',
        `tls-port ${port}`,
        `tls-cert-file ${tls.cert}`,
        `tls-key-file ${tls.key}`,
        `tls-ca-cert-file ${tls.ca}`,
        'tls-auth-clients no',
        'tls-replication yes',
      ]),
  ...(password === undefined ? [] : [`requirepass ${password}`]),
];

/** The lines of a server that holds data. */
const forData = ({ password, users = [], settings = [] }: MemberOptions): string[] => [
  'save ""',
  'appendonly no',
  // A replica that was away gets everything at once.
  'repl-diskless-sync-delay 0',
  ...(password === undefined ? [] : [`masterauth ${password}`]),
  ...users.map((user) => `user ${user}`),
  ...settings,
];

/** How to reach a server of the set as `default`. */
const asDefault = (port: number, { password, tls }: MemberOptions): RedisOptions => ({
  host: HOST,
  port,
  password,
  lazyConnect: true,
  retryStrategy: () => null,
  connectTimeout: 5000,
  // A server that is paused takes the connection and never answers.
  commandTimeout: 3000,
  ...(tls && { tls: { ca: readFileSync(tls.ca) } }),
});

/**
 * Starts a server.
 *
 * @param lines more lines of its configuration
 * @param isSentinel whether it watches others, and holds no data
 */
export async function startMember(
  port: number,
  options: MemberOptions,
  lines: readonly string[],
  isSentinel = false,
): Promise<Member> {
  const program = findProgram('redis-server');
  if (!program) throw new Error(HOW_TO_INSTALL);
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-redis-'));
  const path = join(folder, 'redis.conf');
  const all = [`dir ${folder}`, ...shared(port, options), ...(isSentinel ? [] : forData(options)), ...lines];
  writeFileSync(path, `${all.join('\n')}\n`);
  const ask: Member['ask'] = async (work) => {
    const client = new Redis(asDefault(port, options));
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(client);
    } finally {
      client.disconnect();
    }
  };
  const login = options.password === undefined ? '' : `:${options.password}@`;
  const url = `redis${options.tls ? 's' : ''}://${login}${HOST}:${port}`;
  const args = [path, ...(isSentinel ? ['--sentinel'] : [])];
  const server = await launch({ program, args, folder, url, answers: () => ask((client) => client.ping()) });
  return { ...server, port, ask };
}
