import { type EntityManager, IsNull } from 'typeorm';
import { LARGEST_SKEW } from '../core/claims';
import type { EachPart, RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { RevocationEntity } from './entities/revocation.entity';
import { readDatabaseId } from './fleet';
import { PROOF } from './primary';
import { run } from './tables';

export interface LogSettings {
  /** Whether entries must be published to copies. If not, their commit confirms them. */
  readonly hasCopies: boolean;
  /** The id of the database at the start of this process, if it relies on that. */
  readonly databaseId?: string;
}

/** ms for which an entry is kept beyond need: a transaction may take a while between reading its clock and its commit. */
const SLACK = 60_000;

/** A row of `insertEntries`. */
export interface LogRow {
  readonly id: string;
  readonly kind: LoggedRevocation['kind'];
  readonly user_id: string | null;
  /** The id or version that the kind has. */
  readonly what: string;
  readonly revoked_at: string;
  readonly expires_at: string;
}

/**
 * The life of an entry begins anew when it is confirmed. Its commit may have waited for a replica for long after its
 * clock was read, and tokens of the old version were issued until the commit.
 */
const NEW_LIFE = 'clock_timestamp() + (expires_at - revoked_at)';

// Times are whole ms and all kinds share one column, because parsing a million rows takes time. Fractions could be
// rounded by the session's extra_float_digits.
const COLUMNS = `id, kind, user_id,
  coalesce(token_id::text, session_id::text, token_version::text, global_version::text, key_id) as what,
  (extract(epoch from revoked_at)::float8 * 1000)::bigint as revoked_at,
  (extract(epoch from case when confirmed_at is null then ${NEW_LIFE} else expires_at end)::float8 * 1000)::bigint
    as expires_at`;

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

/** Reads what a statement returned as `json_agg` of the entries that it inserted. */
export const entriesOf = (rows: readonly LogRow[] | null): LoggedRevocation[] => (rows ?? []).map(fromLogRow);

/** ms for which an entry is kept beyond the longest token: the largest skew, since another node may allow more. */
const KEPT = 2 * LARGEST_SKEW + SLACK;

/**
 * Returns SQL that appends entries to the log. The statement must have the parts `f`, the row of `fleet`, and `clock`,
 * the time `now`.
 *
 * The clock is that of Postgres. A statement that issues a token refused by the entry has read the versions before the
 * entry's commit, so its own clock is at most one statement timeout later than that. From the entry's clock to its
 * commit pass at most a few statement timeouts if its node waits for the answer. SLACK covers both, so the token expires
 * first. If the node does not wait, see NEW_LIFE.
 *
 * @param hasCopies the parameter that has this setting, such as `$3`
 * @param source selects what is revoked
 * @param columns the columns that it has
 */
export const insertEntries = (hasCopies: string, source: string, columns: readonly string[]) => `
  insert into {revocations} (${columns.join(', ')}, revoked_at, expires_at, confirmed_at)
  select ${columns.map((column) => `new.${column}`).join(', ')}, clock.now,
    clock.now + f.longest_token_ttl * interval '1 second' + ${KEPT} * interval '1 millisecond',
    case when not ${hasCopies}::boolean then clock.now end
  from (${source}) as new, clock, f
  returning ${COLUMNS}`;

async function selectEntries(
  manager: EntityManager,
  rest: string,
  values: unknown[],
): Promise<LoggedRevocation[]> {
  const rows = await run<LogRow[]>(manager, `select ${COLUMNS} from {revocations} ${rest}`, values);
  return rows.map(fromLogRow);
}

const LEFT = `where confirmed_at is null and revoked_at <= clock_timestamp() - $1 * interval '1 millisecond'
  order by revocations.revoked_at limit $2`;

/**
 * Returns the ids of at most `limit` revocations that have been unconfirmed for `minAge` ms. They survive a failover: a
 * primary that was cut off and then crashed shows entries that no standby has.
 */
export async function findUnconfirmed(
  manager: EntityManager,
  limit: number,
  minAge: number,
): Promise<string[]> {
  const [row] = await run<[{ ids: string[] | null }]>(
    manager,
    `select ids, case when ids is not null then ${PROOF} end as proof
     from (select array_agg(id) as ids from (select id from {revocations} ${LEFT}) as left_over) as found`,
    [minAge, limit],
  );
  return row.ids ?? [];
}

/** Locks those of these revocations that are still unconfirmed, and skips those that another transaction has locked. */
export const lockUnconfirmed = (manager: EntityManager, ids: readonly string[]) =>
  selectEntries(
    manager,
    'where id = any($1) and confirmed_at is null order by revocations.revoked_at for update skip locked',
    [ids],
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
    unconfirmedOf: (userId) =>
      manager.transaction(async (inside) => {
        await readDatabaseId(inside, settings.databaseId);
        return selectEntries(
          inside,
          'where confirmed_at is null and (user_id is null or user_id = $1) order by revocations.revoked_at',
          [userId],
        );
      }),

    countUnconfirmed: () => revocations.countBy({ confirmedAt: IsNull() }),

    async unconfirmedIds() {
      const rows = await revocations.find({ select: { id: true }, where: { confirmedAt: IsNull() } });
      return rows.map(({ id }) => id);
    },

    eachLive: (part) => eachWhere('(expires_at > now() or confirmed_at is null)', part),
    eachUnconfirmed: (part) => eachWhere('confirmed_at is null', part),

    since: (ms) =>
      selectEntries(manager, `where revoked_at > clock_timestamp() - $1 * interval '1 millisecond'`, [ms]),

    async markConfirmed(ids) {
      await run(
        manager,
        `update {revocations} set confirmed_at = now(), expires_at = ${NEW_LIFE}
         where id = any($1) and confirmed_at is null`,
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
