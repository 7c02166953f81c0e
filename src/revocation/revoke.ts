import type { NewAuditEvent, User } from '../core/account';
import { LAST_VERSION } from '../core/claims';
import { notFound } from '../core/errors';
import type { Tables, Truth } from '../core/ports/truth';
import type { Receipt, RevocationScope } from '../core/receipt';
import type { LoggedRevocation, Revocation } from '../core/revocation';
import type { Deliver } from '../protocol/confirm';

/** What is to be ended. */
export type RevocationOrder =
  | { readonly scope: 'TOKEN'; readonly userId: string; readonly tokenId: string }
  /** Ends the session; with `tokenId` the log names that token as well. */
  | {
      readonly scope: 'SESSION';
      readonly userId: string;
      readonly sessionId: string;
      readonly tokenId?: string;
    }
  | {
      readonly scope: 'USER';
      readonly userId: string;
      /** Which sessions end with the tokens. Those kept need a refresh, and get tokens of the new version. */
      readonly sessions: 'all' | 'none' | { readonly allBut: string };
      /** The user is about to be deleted: nothing of theirs may ever be good again. */
      readonly forGood?: boolean;
    }
  | { readonly scope: 'EVERYONE' }
  /** Every token that any key there is has signed. Sessions live on; a new key has to come alongside. */
  | { readonly scope: 'KEYS' };

/** What else happens in the same transaction. Throwing in either undoes everything. */
export interface Alongside<T> {
  /** Runs before any row is locked. */
  readonly before?: (tables: Tables) => Promise<void>;
  /** Runs when all is locked and raised. `user` is as it was before; only for the scope USER. */
  readonly then?: (tables: Tables, user: User | undefined, tokenVersion: number | undefined) => Promise<T>;
}

export type Revoke = <T = undefined>(
  order: RevocationOrder,
  audit: NewAuditEvent,
  alongside?: Alongside<T>,
) => Promise<{ readonly receipt: Receipt; readonly result: T }>;

export interface Revoker {
  /**
   * Ends what the order names: in one transaction with its audit event and its place in the log, then delivered, then
   * answered. Throws `NOT_FOUND` for a user or session that is not there, and `SERVICE_UNAVAILABLE` when nothing was
   * done. When it resolves, the revocation is durable, and the receipt says whether it is in force everywhere.
   */
  readonly revoke: Revoke;
  /**
   * Delivers what a transaction of the caller's own has appended to the log for these sessions, and answers its receipt.
   */
  readonly deliverSessions: (entries: readonly [LoggedRevocation, ...LoggedRevocation[]]) => Promise<Receipt>;
  /**
   * Delivers what is still out for a user, and for everyone, and answers a receipt for something that had been ended
   * before.
   */
  readonly settle: (scope: RevocationScope, userId?: string) => Promise<Receipt>;
}

/** What has been ended, and what the log is to say of it. */
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
  // Waits for logins and refreshes under way, which hold the row shared, and makes later ones wait: none of them can
  // make a session that is neither ended here nor of the new version.
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
  // Sessions are not touched one by one: each carries the version of its login, and an older one is over.
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

/** The one place from which anything is revoked. */
export function createRevoker(truth: Truth, deliver: Deliver): Revoker {
  const settle: Revoker['settle'] = async (scope, userId) => {
    const confirmation = await deliver(await truth.log.unconfirmedOf(userId));
    return { scope, endedSessions: 0, revokedAt: new Date(), confirmation };
  };

  const deliverSessions: Revoker['deliverSessions'] = async (entries) => ({
    scope: 'SESSION',
    endedSessions: entries.length,
    revokedAt: new Date(entries[0].revokedAt),
    confirmation: await deliver(entries),
  });

  const revoke: Revoke = async <T>(
    order: RevocationOrder,
    audit: NewAuditEvent,
    alongside: Alongside<T> = {},
  ) => {
    // Before the transaction: of very many sessions it may take too long, and that must not hinder an emergency.
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
    // It had been ended before, but whether that is known everywhere is another question.
    if (!first) return { receipt: await settle(scope, 'userId' in order ? order.userId : undefined), result };
    const receipt: Receipt = {
      scope,
      tokenVersion: ended.tokenVersion,
      endedSessions: ended.endedSessions,
      revokedAt: new Date(first.revokedAt),
      confirmation: await deliver(entries),
    };
    return { receipt, result };
  };

  return { revoke, deliverSessions, settle };
}
