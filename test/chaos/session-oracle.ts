import type { Fleet } from './fleet';
import { endsSession } from './ledger';
import type { OracleOptions } from './oracle';
import { refresh } from './refreshes';

/** The largest apparent difference between the clocks of the run and of Postgres, in ms. */
const CLOCK_SLACK = 200;

interface Row {
  readonly id: string;
  /** The version that it lived under. */
  readonly tokenVersion: number;
  /** When it ended, in ms since 1970. Null while it lives. */
  readonly endedAt: number | null;
  /** Whether it was not carried over to a version of its user while it lived. */
  readonly isLeftBehind: boolean;
  /** Whether its end has a reason in the audit log. */
  readonly hasReason: boolean;
  /** Whether it was ended because an old refresh token was sent. */
  readonly isTheft: boolean;
}

// A session ends by itself, or by a version of its user or of everyone that it was not carried over to. Each end is in
// the audit log, in the same transaction. A session that ended by itself is not carried over: the two seconds are for an
// end at the same time. A change of the role ends no session.
const SESSIONS = `
  select s.id, s.token_version as "tokenVersion",
    extract(epoch from least(s.ended_at, of_user.at, of_everyone.at))::float8 * 1000 as "endedAt",
    of_user.at is not null and coalesce(s.ended_at > of_user.at + interval '2 seconds', true) as "isLeftBehind",
    (s.ended_at is null or exists (
      select from audit_events a where a.session_id = s.id
        and a.type in ('LOGOUT', 'SESSION_ENDED', 'FORCED_SESSION_LOGOUT', 'REFRESH_TOKEN_REUSED')
    )) and (of_user.at is null or s.ended_at <= of_user.at + interval '2 seconds' or exists (
      select from audit_events a where a.user_id = s.user_id
        and a.created_at between of_user.at - interval '10 seconds' and of_user.at + interval '10 seconds'
        and (a.type in ('LOGOUT_EVERYWHERE', 'FORCED_LOGOUT', 'USER_DISABLED')
          or (a.type in ('OTHER_SESSIONS_ENDED', 'PASSWORD_CHANGED') and a.session_id <> s.id))
    )) and (of_everyone.at is null or exists (
      select from audit_events a where a.type = 'FORCED_LOGOUT_OF_EVERYONE'
    )) as "hasReason",
    exists (
      select from audit_events a where a.session_id = s.id and a.type = 'REFRESH_TOKEN_REUSED'
    ) as "isTheft"
  from sessions s join users u on u.id = s.user_id,
    lateral (select min(r.revoked_at) as at from revocations r
      where r.kind = 'USER' and r.user_id = s.user_id and r.token_version > s.token_version) as of_user,
    lateral (select min(r.revoked_at) as at from revocations r
      where r.kind = 'EVERYONE' and r.global_version > s.global_version) as of_everyone`;

export type SessionTruth = ReadonlyMap<string, Row>;

/** The sessions in Postgres, by their ids. */
export async function readSessions(fleet: Fleet): Promise<SessionTruth> {
  const rows = await fleet.sql<Row>(SESSIONS);
  return new Map(rows.map((row) => [row.id, row]));
}

export const isLiving = (sessions: SessionTruth, id: string) => sessions.get(id)?.endedAt === null;

/** A session whose refresh token was refused had ended before. */
function judgeDead({ witness, population }: OracleOptions, sessions: SessionTruth): void {
  for (const { id, exchange } of population.dead) {
    const session = sessions.get(id);
    // The sessions of a deleted account are deleted with it.
    if (!session) continue;
    const refusedAt = performance.timeOrigin + exchange.ended;
    if (session.endedAt !== null && session.endedAt <= refusedAt + CLOCK_SLACK) continue;
    witness.accuse('The refresh token of a living session was refused.', exchange, [
      `Of session ${id}.`,
      session.endedAt === null
        ? 'It lives.'
        : `It ended ${(session.endedAt - refusedAt).toFixed(1)} ms later.`,
    ]);
  }
}

/** No session is ended but by what the audit log and the receipts say. */
function judgeEnds({ witness, population }: OracleOptions, sessions: SessionTruth): void {
  const accuse = (promise: string, id: string, details: string[] = []) =>
    witness.accuse(promise, undefined, [`It is session ${id}.`, ...details]);
  for (const { id, hasReason, isTheft } of sessions.values()) {
    if (!hasReason) accuse('A session was ended, and nothing tells why.', id);
    if (isTheft && !population.robbed.has(id)) accuse('A theft was found where there was none.', id);
  }
  for (const first of witness.ledger.firstTokens()) {
    const session = sessions.get(first.sessionId);
    if (!session) continue;
    const { id, endedAt, tokenVersion, isLeftBehind } = session;
    for (const { reach, kind } of witness.ledger.endingsOfUser(first.userId)) {
      if (endsSession(reach, first)) {
        if (endedAt === null)
          accuse('A session lives, although its end was acknowledged.', id, [`By ${kind}.`]);
      } else if (
        isLeftBehind &&
        reach.scope === 'USER' &&
        reach.below === tokenVersion + 1 &&
        first.tokenVersion <= tokenVersion
      ) {
        accuse('A session was not carried over to the new version of its user.', id, [
          `By ${kind} to version ${reach.below}.`,
        ]);
      }
    }
  }
}

/** A session lives until something ends it, and its refresh token works. */
export async function judgeSessions(options: OracleOptions): Promise<void> {
  const { fleet, witness, population, tally, random } = options;
  for (const session of [...population.sessions]) {
    const scene = {
      node: random.pick(fleet.nodes),
      nodes: fleet.nodes,
      random,
      population,
      witness,
      tally,
      stop: AbortSignal.abort(),
      checkEverywhere: () => undefined,
    };
    await refresh(scene, session);
  }
  const sessions = await readSessions(fleet);
  judgeDead(options, sessions);
  judgeEnds(options, sessions);

  const users = await fleet.sql<{ id: string }>('select id from users');
  const userIds = new Set(users.map(({ id }) => id));
  for (const { sessionId, userId } of witness.ledger.firstTokens()) {
    if (sessions.has(sessionId) || !userIds.has(userId)) continue;
    witness.accuse('An acknowledged login is not in Postgres.', undefined, [`Of session ${sessionId}.`]);
  }
}
