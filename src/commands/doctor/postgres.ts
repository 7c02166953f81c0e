import type { DataSource } from 'typeorm';
import type { Config } from '../../config/config';
import { createDataSource, type PostgresAddress } from '../../postgres/data-source';
import { lastAgreement } from '../../postgres/fleet-settings';
import { judgeStore } from '../../postgres/properties';
import { hasPendingMigrations } from '../../postgres/ledger';
import { connectionFault } from '../../postgres/start-faults';
import { tablesIn } from '../../postgres/truth';
import { checkSecret, contradiction } from '../../server/database';
import { createSeal } from '../../tokens/sealing';
import { compareClock } from './clock';
import { collect, fault, type Finding, note, well } from './finding';

/** ms; a statement that takes longer fails. */
const STATEMENT_TIMEOUT = 5000;

const isHere = (url: string) => {
  if (!URL.canParse(url)) return true;
  const { hostname, searchParams } = new URL(url);
  return (
    /^(localhost|127(\.\d{1,3}){3}|\[::1\]|%2f.*|)$/i.test(hostname) || searchParams.get('host')?.[0] === '/'
  );
};

async function checkEncryption(dataSource: DataSource, url: string): Promise<Finding> {
  const [row] = await dataSource.query<{ ssl: boolean; version: string | null }[]>(
    'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()',
  );
  if (row?.ssl) return well('Postgres', `the connection is encrypted (${row.version ?? 'TLS'}).`);
  return isHere(url)
    ? well('Postgres', 'the connection stays on this machine.')
    : note('Postgres', 'the connection is not encrypted. Add ?sslmode=verify-full to DATABASE_URL.');
}

async function checkRights(dataSource: DataSource, isPending: boolean): Promise<Finding> {
  const schema = (dataSource.options as { schema?: string }).schema ?? 'public';
  const [row] = await dataSource.query<[{ missing: boolean; may: boolean; role: string; database: string }]>(
    `select to_regnamespace($1) is null as missing,
       case when to_regnamespace($1) is null then has_database_privilege(current_database(), 'create')
       else has_schema_privilege(to_regnamespace($1), 'create') end as may,
       quote_ident(current_user) as role, quote_ident(current_database()) as database`,
    [schema],
  );
  if (row.may) return well('Postgres', 'its role may create tables.');
  const orElse = row.missing
    ? `create schema ${schema} authorization ${row.role}`
    : `grant create on schema ${schema} to ${row.role}`;
  const remedy =
    `alter database ${row.database} owner to ${row.role}; or: ${orElse}. Or let the owner of the tables run: ` +
    `npx tokenfence admin migrate --grant ${row.role}`;
  return isPending
    ? fault('Postgres', `its role may not create tables, which the next start needs. Run: ${remedy}`)
    : note('Postgres', `its role may not create tables, which an upgrade may need. Run: ${remedy}`);
}

/** Examines what the first start creates: the keys, and the settings that all nodes agree on. */
async function* examineStart(
  dataSource: DataSource,
  config: Config,
  secret: string,
): AsyncGenerator<Finding> {
  const { manager } = dataSource;
  const tables = tablesIn(manager, { hasCopies: false, clockSkew: config.clockSkew });
  if ((await tables.signingKeys.list()).length === 0) return;
  try {
    await checkSecret(createSeal(secret), tables);
    yield well('Postgres', 'SECRET decrypts the keys.');
  } catch (error) {
    yield fault('Postgres', (error as Error).message);
  }
  if (config.store.mode === 'embedded') return;
  const difference = contradiction(config, await lastAgreement(manager));
  yield difference === undefined
    ? well('Settings', 'they match those of the nodes on this database.')
    : fault('Settings', difference);
}

/** Not called for the embedded Postgres, which only this package configures. */
async function* examineProperties(dataSource: DataSource, poolSize: number): AsyncGenerator<Finding> {
  const { faults, warnings } = await judgeStore(dataSource, poolSize);
  for (const text of faults) yield fault('Postgres', text);
  for (const text of warnings) yield note('Postgres', text);
  if (faults.length === 0) yield well('Postgres', 'it has every property that Tokenfence needs.');
}

async function readTime(dataSource: DataSource): Promise<number> {
  const [{ time }] = await dataSource.query<[{ time: string }]>(
    'select extract(epoch from clock_timestamp()) * 1000 as time',
  );
  return Number(time);
}

/** @param url `undefined` in the embedded mode */
async function* lookAt(
  dataSource: DataSource,
  config: Config,
  secret: string,
  url: string | undefined,
): AsyncGenerator<Finding> {
  const [{ version }] = await dataSource.query<[{ version: string }]>(
    `select current_setting('server_version') as version`,
  );
  yield well('Postgres', `connected to version ${version}.`);
  if (url !== undefined) yield* examineProperties(dataSource, config.poolSize);
  const isPending = await hasPendingMigrations(dataSource);
  yield isPending
    ? note('Postgres', 'migrations are pending. The next start runs them.')
    : well('Postgres', 'all migrations have run.');
  yield await checkRights(dataSource, isPending);
  if (!isPending) yield* examineStart(dataSource, config, secret);
  if (url === undefined) return;
  yield await checkEncryption(dataSource, url);
  yield await compareClock('Postgres', () => readTime(dataSource), config.clockSkew);
}

/** Examines Postgres. Changes nothing. */
export async function examinePostgres(
  address: PostgresAddress,
  config: Config,
  secret: string,
): Promise<Finding[]> {
  let dataSource: DataSource | undefined;
  try {
    const options = { statementTimeout: STATEMENT_TIMEOUT, poolSize: 1 };
    dataSource = await createDataSource(address, options).initialize();
    return await collect(lookAt(dataSource, config, secret, 'url' in address ? address.url : undefined));
  } catch (error) {
    const explained = connectionFault(error);
    if (!(explained instanceof Error)) throw error;
    return [fault('Postgres', explained.message)];
  } finally {
    await dataSource?.destroy().catch(() => undefined);
  }
}
