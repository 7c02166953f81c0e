import type { NewAuditEvent, User } from '../core/account';
import { notFound } from '../core/errors';
import type { NewMail } from '../core/mail';
import type { Ended, SessionName } from '../core/ports/sessions';
import type { Tables, Transaction, Truth } from '../core/ports/truth';
import type { Receipt, RevocationScope } from '../core/receipt';
import type { Confirm } from '../protocol/confirm';

/** What to end. */
export type RevocationOrder =
  | {
      readonly scope: 'SESSION';
      readonly name: SessionName;
      /** Whether the holder of a token ends it, and is the actor of the audit event. */
      readonly byOwner?: boolean;
      /** An access token that the log names too. */
      readonly tokenId?: string;
      /** Written to the owner. */
      readonly mails?: readonly NewMail[];
    }
  | {
      readonly scope: 'USER';
      readonly userId: string;
      /** Whether the sessions do not end with the tokens. They refresh, and get tokens of the new version. */
      readonly carryOver: 'all' | 'none';
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
  /** Runs when every row is locked and every version raised. Only the scope USER has a `user`, with the new version. */
  readonly then?: (tables: Transaction, user: User | undefined) => Promise<T>;
  /** Whether the transaction lends its connection to a hook. */
  readonly lends?: boolean;
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
  /** Confirms what a statement of the caller has ended and appended to the log. Answers the receipt. */
  readonly confirmEnded: (scope: RevocationScope, ended: Ended) => Promise<Receipt>;
  /**
   * Answers a receipt for something that had been ended before: confirms what is still unconfirmed, of the user and for
   * everyone.
   */
  readonly confirmPending: (scope: RevocationScope, userId?: string) => Promise<Receipt>;
}

async function end(tables: Tables, order: RevocationOrder, audit: NewAuditEvent): Promise<Ended> {
  switch (order.scope) {
    case 'SESSION': {
      const ended = await tables.ends.session(order.name, audit, order);
      if (!ended) throw notFound('session');
      return ended;
    }
    case 'USER': {
      const ended = await tables.ends.user(order.userId, audit, order);
      if (!ended) throw notFound('user');
      return ended;
    }
    case 'EVERYONE':
      return tables.ends.everyone(audit);
    case 'KEYS':
      return tables.ends.keys(audit);
  }
}

/**
 * Creates the revoker. Two statements end sessions without it, because they also issue tokens: a login that makes room,
 * and the end of a user's other sessions.
 */
export function createRevoker(truth: Truth, confirm: Confirm): Revoker {
  const confirmPending: Revoker['confirmPending'] = async (scope, userId) => {
    const confirmation = await confirm(await truth.log.unconfirmedOf(userId));
    return { scope, endedSessions: 0, revokedAt: new Date(), confirmation };
  };

  const confirmEnded: Revoker['confirmEnded'] = async (scope, { entries, endedSessions, user, userId }) => {
    const [first] = entries;
    // It had been ended before, but that may not be confirmed yet.
    if (!first) return confirmPending(scope, userId);
    return {
      scope,
      tokenVersion: user?.tokenVersion,
      endedSessions,
      revokedAt: new Date(first.revokedAt),
      confirmation: await confirm(entries),
    };
  };

  const endAlongside = <T>(
    order: RevocationOrder,
    audit: NewAuditEvent,
    { before, then, lends }: Alongside<T>,
  ) =>
    truth.transaction(
      async (tables) => {
        await before?.(tables);
        // Waits for logins under way, whose sessions are then seen, and carried over too.
        if (order.scope === 'USER') await tables.users.lock(order.userId);
        const ended = await end(tables, order, audit);
        return { ended, result: (await then?.(tables, ended.user)) as T };
      },
      { lends },
    );

  const revoke: Revoke = async <T>(
    order: RevocationOrder,
    audit: NewAuditEvent,
    alongside?: Alongside<T>,
  ) => {
    // Before the change: counting may take too long, and must not delay an emergency.
    const liveSessions = order.scope === 'EVERYONE' ? await truth.sessions.countLive().catch(() => 0) : 0;
    // One statement is its own transaction.
    const { ended, result } = alongside
      ? await endAlongside(order, audit, alongside)
      : { ended: await end(truth, order, audit), result: undefined as T };

    const scope = order.scope === 'KEYS' ? 'EVERYONE' : order.scope;
    const endedSessions = order.scope === 'EVERYONE' ? liveSessions : ended.endedSessions;
    return { receipt: await confirmEnded(scope, { ...ended, endedSessions }), result };
  };

  return { revoke, confirmEnded, confirmPending };
}
