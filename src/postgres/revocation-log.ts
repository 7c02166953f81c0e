import { type EntityManager, IsNull } from 'typeorm';
import { LARGEST_SKEW } from '../core/claims';
import type { EachPart, RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { insertEvents, toJson } from './audit-log';
import { RevocationEntity } from './entities/revocation.entity';
import { anotherDatabase, readDatabaseId } from './fleet';
import { run } from './tables';

export interface LogSettings {
  /** Whether entries must be published to copies. If not, their commit confirms them. */
  readonly hasCopies: boolean;
  /** The id of the database at the start of this process, if it relies on that. */
  readonly databaseId?: string;
}

/** ms for which an entry is kept beyond need: a transaction may take a while between reading its clock and its commit. */
const SLACK = 60_000;

interface LogRow {
  readonly id: string;
  readonly kind: LoggedRevocation['kind'];
  readonly user_id: string | null;
  /** The id or version that the kind has. */
  readonly what: string;
  readonly revoked_at: string;
  readonly expires_at: string;
}

// Times are whole ms and all kinds share one column, because parsing a million rows takes time. Fractions could be
// rounded by the session's extra_float_digits.
const COLUMNS = `id, kind, user_id,
  coalesce(token_id::text, session_id::text, token_version::text, global_version::text, key_id) as what,
  (extract(epoch from revoked_at)::float8 * 1000)::bigint as revoked_at,
  (extract(epoch from expires_at)::float8 * 1000)::bigint as expires_at`;

function fromLogRow(row: LogRow): LoggedRevocation {
  const entry = { id: row.id, revokedAt: Number(row.revoked_at), expiresAt: Number(row.expires_at) };
  const userId = row.user_id ?? '';
  switch (row.kind) {
    case 'TOKEN':
      return { ...entry, kind: row.kind, userId, tokenId: row.what };
    case 'SESSION':
      return { ...entry, kind: row.kind, userId, sessionId: row.what };
    case 'USER':
      return { ...entry, kind: row.kind, userId, tokenVersion: Number(row.what) };
    case 'EVERYONE':
      return { ...entry, kind: row.kind, globalVersion: Number(row.what) };
    case 'KEY':
      return { ...entry, kind: row.kind, keyId: row.what };
  }
}

// The clock is that of Postgres, read after the locks were taken. Any transaction that could issue a token refused by
// one of these has fixed its `iat` before. So the token expires before the entry does.
const APPEND = `
  with clock as materialized (select clock_timestamp() as now), event as (${insertEvents(5)})
  insert into {revocations}
    (kind, user_id, token_id, session_id, key_id, token_version, global_version, revoked_at, expires_at, confirmed_at)
  select "kind", "userId", "tokenId", "sessionId", "keyId", "tokenVersion", "globalVersion", clock.now,
    clock.now + fleet.longest_token_ttl * interval '1 second' + $2 * interval '1 millisecond',
    case when $3 then null else clock.now end
  from clock, {fleet}, jsonb_to_recordset($1) as new ("kind" text, "userId" uuid, "tokenId" uuid,
    "sessionId" uuid, "keyId" text, "tokenVersion" integer, "globalVersion" integer)
  where $4::uuid is null or fleet.database_id = $4
  returning ${COLUMNS}`;

async function selectEntries(
  manager: EntityManager,
  rest: string,
  values: unknown[],
): Promise<LoggedRevocation[]> {
  const rows = await run<LogRow[]>(manager, `select ${COLUMNS} from {revocations} ${rest}`, values);
  return rows.map(fromLogRow);
}

/**
 * Locks at most `limit` revocations that have been unconfirmed for `minAge` ms, and skips those that another
 * transaction has locked.
 */
export const lockUnconfirmed = (manager: EntityManager, limit: number, minAge: number) =>
  selectEntries(
    manager,
    `where confirmed_at is null and revoked_at <= clock_timestamp() - $1 * interval '1 millisecond'
     order by revocations.revoked_at limit $2 for update skip locked`,
    [minAge, limit],
  );

/** Rows in memory at once while the log is read. */
const PART = 5000;

/** Reads the log by a cursor, which sees what was committed when it was opened, and keeps only one part in memory. */
async function readInParts(manager: EntityManager, condition: string, part: EachPart): Promise<boolean> {
  await run(
    manager,
    `declare log_cursor no scroll cursor for select ${COLUMNS} from {revocations} where ${condition}`,
  );
  const [{ as_of }] = await manager.query<[{ as_of: number }]>(
    'select extract(epoch from now())::float8 * 1000 as as_of',
  );
  for (let isFirst = true; ; isFirst = false) {
    const rows = await manager.query<LogRow[]>(`fetch ${PART} from log_cursor`);
    if (rows.length === 0 && !isFirst) return true;
    if (!(await part(rows.map(fromLogRow), Math.floor(as_of)))) return false;
  }
}

export function revocationLogIn(manager: EntityManager, settings: LogSettings): RevocationLog {
  const revocations = manager.getRepository(RevocationEntity);

  const eachWhere = (condition: string, part: EachPart) =>
    manager.transaction(async (inside) => {
      await readDatabaseId(inside, settings.databaseId);
      return readInParts(inside, condition, part);
    });

  return {
    async append(revocations, event) {
      const rows = await run<LogRow[]>(manager, APPEND, [
        JSON.stringify(revocations),
        // The largest skew, not this node's: another node may allow more, and accept tokens longer past their exp.
        2 * LARGEST_SKEW + SLACK,
        settings.hasCopies,
        settings.databaseId ?? null,
        toJson([event]),
      ]);
      // The copies carry the id at the start: nodes that follow the current database would never see these entries.
      if (rows.length < revocations.length) throw anotherDatabase();
      return rows.map(fromLogRow);
    },

    async unconfirmedOf(userId) {
      await readDatabaseId(manager, settings.databaseId);
      return selectEntries(
        manager,
        'where confirmed_at is null and (user_id is null or user_id = $1) order by revocations.revoked_at',
        [userId],
      );
    },

    countUnconfirmed: () => revocations.countBy({ confirmedAt: IsNull() }),

    async unconfirmedIds() {
      const rows = await revocations.find({ select: { id: true }, where: { confirmedAt: IsNull() } });
      return rows.map(({ id }) => id);
    },

    eachLive: (part) => eachWhere('expires_at > now()', part),
    eachUnconfirmed: (part) => eachWhere('confirmed_at is null', part),

    since: (ms) =>
      selectEntries(manager, `where revoked_at > clock_timestamp() - $1 * interval '1 millisecond'`, [ms]),

    async markConfirmed(ids) {
      await run(
        manager,
        'update {revocations} set confirmed_at = now() where id = any($1) and confirmed_at is null',
        [ids],
      );
    },

    async areConfirmed(ids) {
      // Counted: an entry that is missing was lost with its commit, so it is not confirmed.
      const [{ count }] = await run<[{ count: number }]>(
        manager,
        'select count(*)::integer as count from {revocations} where id = any($1) and confirmed_at is not null',
        [ids],
      );
      return count === new Set(ids).size;
    },
  };
}
