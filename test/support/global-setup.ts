import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { Client } from 'pg';
import { createDataSource } from '../../src/postgres/data-source';
import { migrate } from '../../src/postgres/start';
import { installMissing } from './programs';
import { startPostgres, startRedis, type TestServer } from './servers';

declare global {
  var testServers: TestServer[];
}

/** The database that those of the tests are copied from, migrated once. */
export const TEMPLATE = 'tokenfence_template';

async function makeTemplate(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`drop database if exists ${TEMPLATE}`);
  await client.query(`create database ${TEMPLATE}`);
  await client.end();
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  const dataSource = createDataSource({ url: template.href }, { statementTimeout: 0, poolSize: 1 });
  await dataSource.initialize();
  await migrate(dataSource, () => Promise.resolve());
  await dataSource.destroy();
}

/** Brings the servers that the tests share, and builds what they start as processes of their own. */
export default async function globalSetup(): Promise<void> {
  // Some tests start and kill servers of their own, whatever is given for the others.
  installMissing(['postgres', 'redis-server']);
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });

  globalThis.testServers = [];
  const shared = async (variable: string, start: () => Promise<TestServer>) => {
    const given = process.env[variable];
    if (given) return given;
    const server = await start();
    globalThis.testServers.push(server);
    return server.url;
  };
  // Workers inherit the environment of this process.
  process.env.SHARED_POSTGRES = await shared('TEST_DATABASE_URL', startPostgres);
  process.env.SHARED_REDIS = await shared('TEST_REDIS_URL', startRedis);
  await makeTemplate(process.env.SHARED_POSTGRES);
}
