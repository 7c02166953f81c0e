import { randomBytes } from 'node:crypto';
import { Client as PostgresClient } from 'pg';
import type { Clock } from '../../src/core/clock';
import { readConfig } from '../../src/config/read-config';
import type { Callbacks } from '../../src/core/ports/hooks';
import { createLogger } from '../../src/server/logger';
import { type RunningServer, startServer } from '../../src/server/server';
import { ADMIN, Api } from './api';
import { eventually } from './eventually';
import { withPostgres } from './postgres';
import { withRedis } from './redis';

export type Env = Record<string, string | undefined>;

/** Settings that make tests quick: no rate limits and a short lease. */
export const TEST_ENV: Env = {
  PORT: '0',
  SECRET: 'only for tests: 7Qm2vX9kLpZ4rT8wYb3n',
  RATE_LIMIT: 'off',
  REVOCATION_LEASE: '1s',
  LOG_LEVEL: 'debug',
  SHUTDOWN_DELAY: '0s',
  ADMIN_EMAIL: ADMIN.email,
  ADMIN_PASSWORD: ADMIN.password,
};

/** A node in this process, with its log. */
export interface TestNode {
  readonly api: Api;
  readonly url: string;
  readonly log: readonly string[];
  /** The address of its metrics, if they have a port of their own. */
  readonly metricsUrl?: string;
  /** The first step of SIGTERM. */
  announceStop(): void;
  close(): Promise<void>;
}

export interface World {
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** Starts a node on the database and Redis of this world. */
  node(env?: Env, clock?: Clock, callbacks?: Callbacks): Promise<TestNode>;
  /** Runs SQL without the server's knowledge. */
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Runs SQL in a transaction that keeps its locks until the returned function is called. */
  hold(text: string): Promise<(last?: 'rollback' | 'commit') => Promise<void>>;
  /** Stops the nodes. */
  stop(): Promise<void>;
  /** Stops the nodes and drops the database; fails if a node has left a connection open. */
  close(): Promise<void>;
}

export interface WorldOptions {
  /** The URL of Postgres; the shared one if left out. */
  readonly postgres?: string;
  /** The URL of Redis; the shared one if left out, none if null. */
  readonly redis?: string | null;
}

/** Each worker has its own logical database in the shared Redis, so that test files do not meet. */
function sharedRedis(): string {
  const url = new URL(process.env.SHARED_REDIS ?? '');
  url.pathname = `/${Number(process.env.JEST_WORKER_ID ?? 1) % 16}`;
  return url.href;
}

export async function startNode(env: Env, clock?: Clock, callbacks?: Callbacks): Promise<TestNode> {
  const log: string[] = [];
  const config = readConfig({ ...TEST_ENV, ...env });
  const server: RunningServer = await startServer(
    config,
    createLogger(config.logLevel, { write: (line: string) => void log.push(line) }),
    undefined,
    clock,
    callbacks,
  );
  return {
    api: new Api(server.url),
    url: server.url,
    log,
    metricsUrl: server.metricsUrl,
    announceStop: () => server.announceStop(),
    close: () => server.close(),
  };
}

/** Makes a database of its own, which holds the tables already on the shared Postgres, for nodes to start on. */
export async function createWorld({
  postgres = process.env.SHARED_POSTGRES ?? '',
  redis,
}: WorldOptions = {}): Promise<World> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const isShared = postgres === process.env.SHARED_POSTGRES;
  const address = new URL(postgres);
  address.pathname = `/${name}`;
  await withPostgres(postgres, (client) =>
    client.query(`create database ${name} ${isShared ? process.env.COPY : ''}`),
  );
  // A copied database needs its own id. Outside tests, `tokenfence admin restored` sets it.
  if (isShared)
    await withPostgres(address.href, (client) =>
      client.query('update fleet set database_id = gen_random_uuid()'),
    );

  const redisUrl = redis === null ? undefined : (redis ?? sharedRedis());
  if (redisUrl !== undefined && redis === undefined) await withRedis(redisUrl, (client) => client.flushdb());
  const nodes: TestNode[] = [];
  return {
    databaseUrl: address.href,
    redisUrl,
    async node(env = {}, clock, callbacks) {
      const node = await startNode(
        { DATABASE_URL: address.href, REDIS_URL: redisUrl, ...env },
        clock,
        callbacks,
      );
      nodes.push(node);
      return node;
    },
    sql: (text, values) =>
      withPostgres(address.href, async (client) => (await client.query(text, values)).rows),
    async hold(text) {
      const client = new PostgresClient({ connectionString: address.href });
      await client.connect();
      await client.query('begin');
      await client.query(text);
      return async (last = 'rollback') => {
        await client.query(last);
        await client.end();
      };
    },
    async stop() {
      for (const node of nodes.splice(0)) await node.close();
    },
    async close() {
      for (const node of nodes) await node.close();
      // Without FORCE, so that a connection which a closed node left open fails the test.
      await eventually(() => withPostgres(postgres, (client) => client.query(`drop database ${name}`)));
    },
  };
}
