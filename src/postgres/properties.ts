import type { DataSource } from 'typeorm';
import { SESSION_SETTINGS } from './session-settings';
import { fullName, tablesOf } from './tables';

/** The properties of a Postgres that decide whether it can be used. */
interface Properties {
  readonly version: number;
  readonly versionName: string;
  readonly encoding: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  readonly isForced: boolean;
  /** The most connections that the role may open. */
  readonly room: number;
  /** Quoted. */
  readonly role: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Our tables in which a policy hides rows from this role. */
  readonly hidden: readonly string[] | null;
}

const OLDEST_VERSION = 14;

const READ = `
  select current_setting('server_version_num')::int / 10000 as version,
    current_setting('server_version') as "versionName",
    current_setting('server_encoding') as encoding,
    pg_is_in_recovery() as "isStandby",
    current_setting('default_transaction_read_only')::bool as "isReadOnly",
    current_setting('fsync')::bool and current_setting('full_page_writes')::bool as "isForced",
    least(
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
      nullif(r.rolconnlimit, -1),
      nullif(d.datconnlimit, -1)
    ) as room,
    quote_ident(current_user) as role,
    (select json_object_agg(name, current_setting(name)) from unnest($1::text[]) name) as settings,
    (select array_agg(c.oid::regclass::text) from pg_class c
      where c.oid = any(array(select to_regclass(name) from unnest($2::text[]) name)) and row_security_active(c.oid)
    ) as hidden
  from pg_roles r, pg_database d
  where r.rolname = current_user and d.datname = current_database()`;

/** Returns a sentence for each property that keeps the server from using this Postgres. */
function faultsOf(store: Properties, poolSize: number): string[] {
  const { role, hidden } = store;
  const dropped = Object.entries(SESSION_SETTINGS).filter(([name, value]) => store.settings[name] !== value);
  const faults = [
    store.version < OLDEST_VERSION &&
      `This is Postgres ${store.versionName}. Use version ${OLDEST_VERSION} or later.`,
    store.encoding !== 'UTF8' &&
      `The database has the encoding ${store.encoding}, which cannot store every character. Create one with: ` +
        `create database tokenfence encoding 'UTF8' template template0`,
    store.isStandby && 'This Postgres is a standby, which refuses writes. Point DATABASE_URL to the primary.',
    store.isReadOnly &&
      `Transactions are read-only by default here. Unless somebody is moving this database, run: ` +
        `alter role ${role} set default_transaction_read_only = off`,
    poolSize > store.room &&
      `DATABASE_POOL_SIZE is ${poolSize}, but the role may open ${store.room} connections here. Lower it: ` +
        'all nodes share these connections.',
    ...dropped.map(
      ([name, value]) =>
        `A pooler in front of Postgres drops the setting ${name}. Set it on the role: ` +
        `alter role ${role} set ${name} = '${value}'`,
    ),
    hidden &&
      `Row security hides rows of ${hidden.join(', ')} from the role ${role}. Turn it off for these tables, ` +
        `or run: alter role ${role} bypassrls`,
  ];
  return faults.filter((fault) => typeof fault === 'string');
}

export interface Judgement {
  /** Why Postgres cannot be used, one sentence each. */
  readonly faults: readonly string[];
  /** What an operator should know, one sentence each. */
  readonly warnings: readonly string[];
}

/** Checks that Postgres has every property that the server relies on. Changes nothing. */
export async function judgeStore(dataSource: DataSource, poolSize: number): Promise<Judgement> {
  const names = tablesOf(dataSource).map((table) => fullName(dataSource, table));
  const [store] = await dataSource.query<[Properties]>(READ, [Object.keys(SESSION_SETTINGS), names]);
  const warnings = store.isForced
    ? []
    : [
        'Postgres runs with fsync or full_page_writes off: if its machine crashes, acknowledged logouts may be lost. ' +
          'Turn both on, except for tests.',
      ];
  return { faults: faultsOf(store, poolSize), warnings };
}
