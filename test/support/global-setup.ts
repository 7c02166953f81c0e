import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createDataSource } from '../../src/postgres/data-source';
import { migrate } from '../../src/postgres/start';
import { prepareEmbeddedFolder } from './embedded-folder';
import { withPostgres } from './postgres';
import { installMissing } from './programs';
import { startPostgres, startRedis, type TestServer } from './servers';

declare global {
  var testServers: TestServer[];
}

/** The migrated database that test databases are copied from. */
export const TEMPLATE = 'tokenfence_template';

async function makeTemplate(url: string): Promise<void> {
  await withPostgres(url, async (client) => {
    await client.query(`drop database if exists ${TEMPLATE}`);
    await client.query(`create database ${TEMPLATE}`);
  });
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  const dataSource = createDataSource({ url: template.href }, { statementTimeout: 0, poolSize: 1 });
  await dataSource.initialize();
  await migrate(dataSource, () => Promise.resolve());
  await dataSource.destroy();
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
  installMissing(['postgres', 'redis-server', 'chromium']);
  globalThis.testServers = [];
  const shared = async (variable: string, start: () => Promise<TestServer>) => {
    const given = process.env[variable];
    if (given) return given;
    const server = await start();
    globalThis.testServers.push(server);
    return server.url;
  };
  const [postgres, redis, embedded] = await Promise.all([
    shared('TEST_DATABASE_URL', startPostgres),
    shared('TEST_REDIS_URL', startRedis),
    prepareEmbeddedFolder(),
    build(),
  ]);
  // Workers inherit the environment of this process.
  Object.assign(process.env, {
    SHARED_POSTGRES: postgres,
    SHARED_REDIS: redis,
    PREPARED_EMBEDDED_FOLDER: embedded,
  });
  await makeTemplate(postgres);
}
