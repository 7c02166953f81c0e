import type { DataSource, EntityManager } from 'typeorm';
import type { Tables, Transaction, Truth } from '../core/ports/truth';
import type { Availability } from '../core/availability';
import { createSlots, type InSlot } from '../core/slots';
import { auditLogIn } from './audit-log';
import { translate, translating, wasOvertaken } from './faults';
import { anotherDatabase, fleetIn, onlyRow, readDatabaseId } from './fleet';
import { endsIn } from './ends';
import { linkUsesIn } from './link-uses';
import { mailsIn } from './mails';
import { newcomersIn } from './newcomers';
import { refreshKeysIn } from './refresh-keys';
import { findUnconfirmed, lockUnconfirmed, type LogSettings, revocationLogIn } from './revocation-log';
import { sessionsIn } from './sessions';
import { signingKeysIn, type SigningKeysSettings } from './signing-keys';
import { usersIn } from './users';
import { lendSql } from './sql';
import { poolOf, run } from './tables';
import { createProof, UNPROVEN, type UnprovenRow } from './primary';

type TruthSettings = LogSettings & SigningKeysSettings;

export function tablesIn(
  manager: EntityManager,
  settings: TruthSettings,
  availability?: Availability,
): Tables {
  const watched = <T extends object>(table: T) => translating(table, availability);
  return {
    users: watched(usersIn(manager)),
    newcomers: watched(newcomersIn(manager)),
    sessions: watched(sessionsIn(manager, settings)),
    refreshKeys: watched(refreshKeysIn(manager)),
    ends: watched(endsIn(manager, settings)),
    log: watched(revocationLogIn(manager, settings)),
    signingKeys: watched(signingKeysIn(manager, settings)),
    audit: watched(auditLogIn(manager)),
    mails: watched(mailsIn(manager)),
    linkUses: watched(linkUsesIn(manager, settings)),
    fleet: watched(fleetIn(manager)),
  };
}

interface TruthRow extends UnprovenRow {
  readonly databaseId: string;
  readonly globalVersion: number;
  readonly tokenVersion: number | null;
  readonly disabled: boolean;
  readonly denied: { kind: 'TOKEN' | 'SESSION' | 'KEY'; id: string }[] | null;
  readonly asOf: number;
}

// One statement, so one snapshot: a version from before a revocation never comes with denied ids from after it.
const ON_USER = `
  select f.database_id as "databaseId", f.global_version as "globalVersion", u.token_version as "tokenVersion",
    u.disabled_at is not null as disabled, extract(epoch from now())::float8 * 1000 as "asOf", ${UNPROVEN}, (
    select json_agg(json_build_object(
      'kind', r.kind,
      'id', coalesce(r.token_id::text, r.session_id::text, r.key_id)))
    from {revocations} r
    where r.expires_at > now()
      and ((r.user_id = $1 and r.kind in ('TOKEN', 'SESSION')) or (r.user_id is null and r.kind = 'KEY'))
  ) as denied
  from {fleet} f left join {users} u on u.id = $1`;

/** See `Truth.onUser`. */
function createReadOnUser(manager: EntityManager, settings: TruthSettings): Truth['onUser'] {
  const prove = createProof(manager);
  return async (userId) => {
    const row = onlyRow(await run<TruthRow[]>(manager, ON_USER, [userId]));
    await prove(row);
    if (row.databaseId !== (settings.databaseId ?? row.databaseId)) throw anotherDatabase();
    const idsOf = (wanted: string) =>
      (row.denied ?? []).filter(({ kind }) => kind === wanted).map(({ id }) => id);
    return {
      globalVersion: row.globalVersion,
      tokenVersion: row.tokenVersion ?? undefined,
      disabled: row.disabled,
      deniedTokens: idsOf('TOKEN'),
      deniedSessions: idsOf('SESSION'),
      deniedKeys: idsOf('KEY'),
      asOf: Math.floor(row.asOf),
    };
  };
}

/** How often a transaction is tried that Postgres rolls back in favour of others. */
const ATTEMPTS = 3;

/** ms that a transaction waits for its turn to lend its connection. */
const PATIENCE = 3000;

/** Returns the slots of the transactions that lend their connection: half of the pool. It exists once it is connected. */
function slotsIn(dataSource: DataSource): InSlot {
  let slots: InSlot | undefined;
  return (work) => {
    slots ??= createSlots(Math.max(1, Math.floor(poolOf(dataSource).options.max / 2)), PATIENCE);
    return slots(work);
  };
}

/** Creates the truth, which is Postgres. */
export function createTruth(
  dataSource: DataSource,
  settings: TruthSettings,
  availability?: Availability,
): Truth {
  const { manager } = dataSource;

  const inSlot = slotsIn(dataSource);

  const attemptAll = async <T>(work: (tables: Transaction) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await manager.transaction((inside) =>
          work({ ...tablesIn(inside, settings, availability), lend: () => lendSql(inside) }),
        );
      } catch (error) {
        if (attempt === ATTEMPTS || !wasOvertaken(error)) throw translate(error, availability);
      }
    }
  };

  return {
    ...tablesIn(manager, settings, availability),
    transaction: (work, { lends = false } = {}) =>
      lends ? inSlot(() => attemptAll(work)) : attemptAll(work),
    ...translating<Pick<Truth, 'onUser' | 'relay' | 'ping' | 'readTime'>>(
      {
        onUser: createReadOnUser(manager, settings),

        async relay(limit, minAge, publish) {
          const ids = await findUnconfirmed(manager, limit, minAge);
          if (ids.length === 0) return 0;
          return manager.transaction(async (inside) => {
            await readDatabaseId(inside, settings.databaseId);
            const entries = await lockUnconfirmed(inside, ids);
            if (entries.length === 0) return 0;
            await publish(entries);
            await revocationLogIn(inside, settings).markConfirmed(entries.map(({ id }) => id));
            return entries.length;
          });
        },

        async ping() {
          await readDatabaseId(manager, settings.databaseId);
        },

        async readTime() {
          await readDatabaseId(manager, settings.databaseId);
          const [{ now }] = await manager.query<[{ now: number }]>(
            'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
          );
          return now;
        },
      },
      availability,
    ),
  };
}
