import type { DataSource } from 'typeorm';
import type { Config } from '../../config/config';
import { localIdOf } from '../../core/key-id';
import { createDataSource, type PostgresAddress } from '../../postgres/data-source';
import { lastAgreement } from '../../postgres/fleet-settings';
import { judgeStore } from '../../postgres/properties';
import { hasPendingMigrations } from '../../postgres/ledger';
import { connectionFault } from '../../postgres/start-faults';
import { tablesIn } from '../../postgres/truth';
import { createSeal } from '../../tokens/sealing';
import { compareClock } from './clock';
import { fault, type Finding, note, well } from './finding';

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
  const remedy = `alter database ${row.database} owner to ${row.role}; or: ${orElse}`;
  return isPending
    ? fault('Postgres', `its role may not create tables, which the next start needs. Run: ${remedy}`)
    : note('Postgres', `its role may not create tables, which an upgrade may need. Run: ${remedy}`);
}

async function checkSecret(dataSource: DataSource, config: Config, secret: string): Promise<Finding[]> {
  const tables = tablesIn(dataSource.manager, { hasCopies: false, clockSkew: config.clockSkew });
  const keys = await tables.signingKeys.list();
  // Keys do not exist before the first start.
  if (keys.length === 0) return [];
  const seal = createSeal(secret);
  try {
    for (const key of keys) seal.open(key.sealedPrivateKey, localIdOf(key.id));
    return [well('Postgres', 'SECRET decrypts the signing keys.')];
  } catch {
    return [
      fault(
        'Postgres',
        'SECRET cannot decrypt the signing keys. Set the SECRET that they were encrypted with.',
      ),
    ];
  }
}

async function checkAgreement(dataSource: DataSource, { store, revocationLease }: Config): Promise<Finding> {
  const theirs = await lastAgreement(dataSource.manager);
  const usesRedis = store.mode === 'servers' && store.redisUrl !== undefined;
  if (theirs.usesRedis !== usesRedis)
    return fault(
      'Settings',
      `the nodes on this database were started ${theirs.usesRedis ? 'with' : 'without'} REDIS_URL. Use the same setting, or ` +
        `stop all of them and run: npx tokenfence admin redis ${usesRedis ? 'on' : 'off'}`,
    );
  if (usesRedis && theirs.revocationLease !== undefined && theirs.revocationLease !== revocationLease)
    return fault(
      'Settings',
      `the nodes on this database were started with REVOCATION_LEASE=${theirs.revocationLease}ms. Use the same setting, or ` +
        `stop all of them and run: npx tokenfence admin lease ${revocationLease}ms`,
    );
  return well('Settings', 'they match those of the nodes on this database.');
}

/** Not called for the embedded Postgres, which only this package configures. */
async function checkProperties(dataSource: DataSource, poolSize: number): Promise<Finding[]> {
  const { faults, warnings } = await judgeStore(dataSource, poolSize);
  return [
    ...faults.map((text) => fault('Postgres', text)),
    ...warnings.map((text) => note('Postgres', text)),
    ...(faults.length === 0 ? [well('Postgres', 'it has every property that Tokenfence needs.')] : []),
  ];
}

async function lookAt(
  dataSource: DataSource,
  config: Config,
  secret: string,
  url: string | undefined,
): Promise<Finding[]> {
  const [{ version }] = await dataSource.query<[{ version: string }]>(
    `select current_setting('server_version') as version`,
  );
  const findings = [well('Postgres', `connected to version ${version}.`)];
  if (url !== undefined) findings.push(...(await checkProperties(dataSource, config.poolSize)));
  const isPending = await hasPendingMigrations(dataSource);
  findings.push(
    isPending
      ? note('Postgres', 'migrations are pending. The next start runs them.')
      : well('Postgres', 'all migrations have run.'),
  );
  findings.push(await checkRights(dataSource, isPending));
  if (!isPending) {
    const secretFindings = await checkSecret(dataSource, config, secret);
    findings.push(...secretFindings);
    if (secretFindings.length > 0 && url !== undefined)
      findings.push(await checkAgreement(dataSource, config));
  }
  if (url === undefined) return findings;
  findings.push(await checkEncryption(dataSource, url));
  const readTime = async () => {
    const [{ time }] = await dataSource.query<[{ time: string }]>(
      'select extract(epoch from clock_timestamp()) * 1000 as time',
    );
    return Number(time);
  };
  findings.push(await compareClock('Postgres', readTime, config.clockSkew));
  return findings;
}

/** Examines Postgres. Changes nothing. */
export async function examinePostgres(
  address: PostgresAddress,
  config: Config,
  secret: string,
): Promise<Finding[]> {
  let dataSource: DataSource | undefined;
  try {
    dataSource = await createDataSource(address, {
      statementTimeout: STATEMENT_TIMEOUT,
      poolSize: 1,
    }).initialize();
    return await lookAt(dataSource, config, secret, 'url' in address ? address.url : undefined);
  } catch (error) {
    const explained = connectionFault(error);
    if (!(explained instanceof Error)) throw error;
    return [fault('Postgres', explained.message)];
  } finally {
    await dataSource?.destroy().catch(() => undefined);
  }
}
