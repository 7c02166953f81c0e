import { setTimeout as sleep } from 'node:timers/promises';
import { isExpired } from '../core/claims';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import { type LoggedRevocation, refuses } from '../core/revocation';
import type { SubscriptionContext } from '../graphql/context';
import type { Guard, Principal } from '../guard/guard';
import type { CloseSocket, OwnCause } from './closing';
import { createFeed, type Feed } from './feed';
import type { SocketLimits } from './limits';
import { shared } from './shared';

/** A socket whose token was good when it connected, and what it has subscribed to. */
export interface Member {
  readonly principal: Principal;
  readonly feed: SubscriptionContext['feed'];
  readonly hasEnded: boolean;
  /** How many it has. */
  readonly subscriptions: number;
  /** Tells it of a revocation that reaches its user, everyone or its key. */
  concern(entry: LoggedRevocation): void;
  /** Has its token judged again, and closes it if that is good no more. */
  recheck(): void;
  /** Tells it of any other, which only those are told who asked for all. */
  inform(entry: LoggedRevocation): void;
  /** The socket has been closed, or is about to be. */
  leave(): void;
}

export interface MemberOptions {
  readonly principal: Principal;
  /** What the client sent, to be judged again before each event. */
  readonly authorization: string;
  readonly guard: Guard;
  readonly clock: Clock;
  /** ms */
  readonly clockSkew: number;
  readonly limits: SocketLimits;
  readonly logger: Logger;
  readonly close: CloseSocket;
  /** It takes part no more. */
  readonly onLeave: () => void;
  /** Whether it wants to be informed of everything has changed. */
  readonly onInterest: (wantsAll: boolean) => void;
}

/** ms. A clock that was set forward, or a machine that slept, is noticed within this; and timers take no more than 2^31. */
const LONGEST_TIMER = 60_000;

export function createMember(options: MemberOptions): Member {
  const { principal, authorization, guard, clock, clockSkew, limits, logger, close } = options;
  const mine = new Set<Feed<LoggedRevocation>>();
  const all = new Set<Feed<LoggedRevocation>>();
  let ended = false;
  const hasEnded = () => ended;
  let expiry: NodeJS.Timeout | undefined;

  /** From here on it is told nothing, and nothing that waited is sent. */
  const leave = () => {
    if (ended) return;
    ended = true;
    clearTimeout(expiry);
    options.onLeave();
  };

  const endFeeds = () => {
    for (const feed of [...mine, ...all]) feed.end();
  };

  /** @param last the revocation that ends the token: its own sockets are told, though the token is good no more */
  const end = (cause: OwnCause, last?: LoggedRevocation) => {
    if (ended) return;
    leave();
    // First the close, so that the client is not told that its subscriptions simply came to an end.
    const finish = () => {
      close(cause);
      endFeeds();
    };
    if (!last || mine.size === 0) {
      finish();
      return;
    }
    const sent = Promise.all([...mine].map((feed) => feed.finish(last)));
    // A client that does not read is not waited for.
    void Promise.race([sent, sleep(limits.lastEventPatience, undefined, { ref: false })]).then(finish);
  };

  const judgeOnce = async (): Promise<boolean> => {
    for (let attempt = 1; !hasEnded(); attempt++) {
      const auth = await guard.authenticate(authorization);
      if (hasEnded()) return false;
      if (auth.ok) return true;
      if (auth.code !== 'SERVICE_UNAVAILABLE' || attempt >= limits.checkAttempts) {
        end(auth.code);
        return false;
      }
      await sleep(limits.checkInterval, undefined, { ref: false });
    }
    return false;
  };

  /** Whether the token is still good, as of now. If not, or if that can't be told for long, the socket is closed. */
  const judge = shared(async () => {
    try {
      return await judgeOnce();
    } catch (error) {
      logger.error({ err: error }, 'The check of a socket met an unexpected fault.');
      end('INTERNAL_SERVER_ERROR');
      return false;
    }
  });

  const awaitExpiry = () => {
    const left = principal.claims.exp * 1000 + clockSkew - clock.now();
    expiry = setTimeout(
      () => {
        if (isExpired(principal.claims, clock.now(), clockSkew)) end('TOKEN_EXPIRED');
        else awaitExpiry();
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER),
    ).unref();
  };
  awaitExpiry();

  const pushTo = (feeds: ReadonlySet<Feed<LoggedRevocation>>, entry: LoggedRevocation) => {
    for (const feed of feeds) {
      if (!feed.push(entry)) {
        end('TOO_SLOW');
        return;
      }
    }
  };

  const open = (feeds: Set<Feed<LoggedRevocation>>) => {
    const feed: Feed<LoggedRevocation> = createFeed({
      admit: judge,
      most: limits.waitingEvents,
      onEnd() {
        feeds.delete(feed);
        if (!ended) options.onInterest(all.size > 0);
      },
    });
    if (ended) {
      feed.end();
    } else {
      feeds.add(feed);
      options.onInterest(all.size > 0);
    }
    return feed;
  };

  return {
    principal,
    feed: { mine: () => open(mine), all: () => open(all) },
    get hasEnded() {
      return ended;
    },
    get subscriptions() {
      return mine.size + all.size;
    },
    concern(entry) {
      if (refuses(entry, principal)) {
        end('TOKEN_REVOKED', entry);
        return;
      }
      // A single token that is not this one: no session of theirs has ended.
      if (entry.kind !== 'TOKEN') pushTo(mine, entry);
      void judge();
    },
    recheck: () => void judge(),
    inform(entry) {
      // If it ends this token, that is told by the other way.
      if (!ended && !refuses(entry, principal)) pushTo(all, entry);
    },
    leave() {
      leave();
      endFeeds();
    },
  };
}
