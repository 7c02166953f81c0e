import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createDataSource } from '../../src/postgres/data-source';
import { migrate } from '../../src/postgres/start';
import { prepareEmbeddedFolder } from './embedded-folder';
import { withPostgres } from './postgres';
import { installMissing } from './programs';
import { preparePostgresFolder, startPostgres, startRedis, type TestServer } from './servers';

declare global {
  var testServers: TestServer[];
}

/** The migrated database that test databases are copied from. */
const TEMPLATE = 'tokenfence_template';

/** Makes the template. Returns the end of the statement that copies it. */
async function makeTemplate(url: string): Promise<string> {
  const hasStrategies = await withPostgres(url, async (client) => {
    await client.query(`drop database if exists ${TEMPLATE}`);
    await client.query(`create database ${TEMPLATE}`);
    const { rows } = await client.query<{ version: number }>(
      `select current_setting('server_version_num')::int as version`,
    );
    return (rows[0]?.version ?? 0) >= 150_000;
  });
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  const dataSource = createDataSource({ url: template.href }, { statementTimeout: 0, poolSize: 1 });
  await dataSource.initialize();
  await migrate(dataSource, () => Promise.resolve());
  await dataSource.destroy();
  // The default strategy writes every page to the log too.
  return `template ${TEMPLATE}${hasStrategies ? ' strategy file_copy' : ''}`;
}

/** Builds the project. The compiler's messages are in its output, not in the error. */
async function build(): Promise<void> {
  await promisify(execFile)('npm', ['run', '--silent', 'build']).catch((error: unknown) => {
    throw new Error(`The build failed:\n${(error as { stdout: string }).stdout}`);
  });
}

/** Starts the servers that the tests share, and builds the programs that they start. */
export default async function globalSetup(): Promise<void> {
  // Some tests start and kill their own servers, even when shared ones are given.
  installMissing(['postgres', 'redis-server', 'chromium', 'nginx', 'caddy', 'python3']);
  globalThis.testServers = [];
  const shared = async (variable: string, start: () => Promise<TestServer>) => {
    const given = process.env[variable];
    if (given) return given;
    const server = await start();
    globalThis.testServers.push(server);
    return server.url;
  };
  const [[postgres, copy], redis, embedded] = await Promise.all([
    preparePostgresFolder().then(async (folder) => {
      // Workers inherit the environment of this process.
      if (folder !== undefined) process.env.PREPARED_POSTGRES_FOLDER = folder;
      const url = await shared('TEST_DATABASE_URL', startPostgres);
      return [url, await makeTemplate(url)] as const;
    }),
    shared('TEST_REDIS_URL', startRedis),
    prepareEmbeddedFolder(),
    build(),
  ]);
  Object.assign(process.env, {
    SHARED_POSTGRES: postgres,
    SHARED_REDIS: redis,
    PREPARED_EMBEDDED_FOLDER: embedded,
    COPY: copy,
  });
}
