import type { NewAuditEvent, User } from '../core/account';
import { LAST_VERSION } from '../core/claims';
import { notFound } from '../core/errors';
import type { Tables, Truth } from '../core/ports/truth';
import type { Receipt, RevocationScope } from '../core/receipt';
import type { LoggedRevocation, Revocation } from '../core/revocation';
import type { Confirm } from '../protocol/confirm';

/** What to end. */
export type RevocationOrder =
  | { readonly scope: 'TOKEN'; readonly userId: string; readonly tokenId: string }
  /** Ends the session. With `tokenId`, the log names that token too. */
  | {
      readonly scope: 'SESSION';
      readonly userId: string;
      readonly sessionId: string;
      readonly tokenId?: string;
    }
  | {
      readonly scope: 'USER';
      readonly userId: string;
      /** Which sessions end with the tokens. The others refresh, and get tokens of the new version. */
      readonly sessions: 'all' | 'none' | { readonly allBut: string };
      /** The user is about to be deleted: no token of theirs may ever be good again. */
      readonly forGood?: boolean;
    }
  | { readonly scope: 'EVERYONE' }
  /** Every token signed by a current key. Sessions live on; the same transaction must make a new key. */
  | { readonly scope: 'KEYS' };

/** Further work in the same transaction. If either function throws, everything is undone. */
export interface Alongside<T> {
  /** Runs before any row is locked. */
  readonly before?: (tables: Tables) => Promise<void>;
  /** Runs when every row is locked and every version raised. `user` is as it was before; only for the scope USER. */
  readonly then?: (tables: Tables, user: User | undefined, tokenVersion: number | undefined) => Promise<T>;
}

export type Revoke = <T = undefined>(
  order: RevocationOrder,
  audit: NewAuditEvent,
  alongside?: Alongside<T>,
) => Promise<{ readonly receipt: Receipt; readonly result: T }>;

export interface Revoker {
  /**
   * Ends what the order names. One transaction holds the change, its audit event and its entry in the log; then the
   * revocation is published, confirmed and answered. Throws `NOT_FOUND` for a missing user or session, and
   * `SERVICE_UNAVAILABLE` when nothing was done. When it resolves, the revocation is durable. The receipt says whether
   * it is in force everywhere.
   */
  readonly revoke: Revoke;
  /** Confirms the ends of sessions that a transaction of the caller has appended to the log. Answers the receipt. */
  readonly confirmSessions: (entries: readonly [LoggedRevocation, ...LoggedRevocation[]]) => Promise<Receipt>;
  /**
   * Answers a receipt for something that had been ended before: confirms what is still unconfirmed, of the user and for
   * everyone.
   */
  readonly confirmPending: (scope: RevocationScope, userId?: string) => Promise<Receipt>;
}

/** What was ended, and the revocations to append to the log. */
interface Ended {
  readonly revocations: readonly Revocation[];
  readonly endedSessions: number;
  readonly tokenVersion?: number;
  readonly user?: User;
}

type OrderOf<Scope extends RevocationOrder['scope']> = Extract<RevocationOrder, { scope: Scope }>;

async function endSession(tables: Tables, order: OrderOf<'SESSION'>): Promise<Ended> {
  const { userId, sessionId, tokenId } = order;
  const ended = await tables.sessions.endOwn(userId, sessionId);
  if (ended === undefined) throw notFound('session');
  if (ended === 'BEFORE') return { revocations: [], endedSessions: 0 };
  const revocations: Revocation[] = [{ kind: 'SESSION', userId, sessionId }];
  if (tokenId !== undefined) revocations.push({ kind: 'TOKEN', userId, tokenId });
  return { revocations, endedSessions: 1 };
}

async function endUser(tables: Tables, order: OrderOf<'USER'>): Promise<Ended> {
  const { userId, sessions, forGood } = order;
  // Waits for logins and refreshes under way, which hold the row shared, and makes later ones wait. So each session is
  // either ended here or has the new version.
  const user = await tables.users.lock(userId, 'update');
  if (!user) throw notFound('user');
  const tokenVersion = forGood ? LAST_VERSION : await tables.users.raiseTokenVersion(userId);
  const endedSessions =
    sessions === 'none'
      ? 0
      : await tables.sessions.endAllOf(userId, sessions === 'all' ? undefined : sessions.allBut);
  return { revocations: [{ kind: 'USER', userId, tokenVersion }], endedSessions, tokenVersion, user };
}

async function endEveryone(tables: Tables, endedSessions: number): Promise<Ended> {
  // The sessions' rows stay as they are: each holds the version of its login, and ends when that is too old.
  const globalVersion = await tables.fleet.raiseGlobalVersion();
  return { revocations: [{ kind: 'EVERYONE', globalVersion }], endedSessions };
}

async function endKeys(tables: Tables): Promise<Ended> {
  const revocations: Revocation[] = [];
  for (const key of await tables.signingKeys.list()) {
    if (key.revokedAt !== undefined) continue;
    await tables.signingKeys.revoke(key.id);
    revocations.push({ kind: 'KEY', keyId: key.id });
  }
  return { revocations, endedSessions: 0 };
}

function end(tables: Tables, order: RevocationOrder, liveSessions: number): Promise<Ended> {
  switch (order.scope) {
    case 'TOKEN':
      return Promise.resolve({
        revocations: [{ kind: 'TOKEN', userId: order.userId, tokenId: order.tokenId }],
        endedSessions: 0,
      });
    case 'SESSION':
      return endSession(tables, order);
    case 'USER':
      return endUser(tables, order);
    case 'EVERYONE':
      return endEveryone(tables, liveSessions);
    case 'KEYS':
      return endKeys(tables);
  }
}

/** Creates the revoker. Nothing is revoked by any other code. */
export function createRevoker(truth: Truth, confirm: Confirm): Revoker {
  const confirmPending: Revoker['confirmPending'] = async (scope, userId) => {
    const confirmation = await confirm(await truth.log.unconfirmedOf(userId));
    return { scope, endedSessions: 0, revokedAt: new Date(), confirmation };
  };

  const confirmSessions: Revoker['confirmSessions'] = async (entries) => ({
    scope: 'SESSION',
    endedSessions: entries.length,
    revokedAt: new Date(entries[0].revokedAt),
    confirmation: await confirm(entries),
  });

  const revoke: Revoke = async <T>(
    order: RevocationOrder,
    audit: NewAuditEvent,
    alongside: Alongside<T> = {},
  ) => {
    // Before the transaction: counting very many sessions may take too long, and must not delay an emergency.
    const liveSessions = order.scope === 'EVERYONE' ? await truth.sessions.countLive().catch(() => 0) : 0;
    const { ended, entries, result } = await truth.transaction(async (tables) => {
      await alongside.before?.(tables);
      const done = await end(tables, order, liveSessions);
      return {
        ended: done,
        entries: done.revocations.length > 0 ? await tables.log.append(done.revocations, audit) : [],
        result: (await alongside.then?.(tables, done.user, done.tokenVersion)) as T,
      };
    });

    const scope = order.scope === 'KEYS' ? 'EVERYONE' : order.scope;
    const [first] = entries;
    // It had been ended before, but that may not be confirmed yet.
    if (!first)
      return { receipt: await confirmPending(scope, 'userId' in order ? order.userId : undefined), result };
    const receipt: Receipt = {
      scope,
      tokenVersion: ended.tokenVersion,
      endedSessions: ended.endedSessions,
      revokedAt: new Date(first.revokedAt),
      confirmation: await confirm(entries),
    };
    return { receipt, result };
  };

  return { revoke, confirmSessions, confirmPending };
}
