import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import { type LoggedRevocation, refuses } from '../core/revocation';
import { forEachInTurns } from '../core/schedule';
import type { Guard, Principal } from '../guard/guard';
import type { Announcements } from '../revocation/announcements';
import type { CloseSocket } from './closing';
import type { SocketLimits } from './limits';
import { createMember, type Member } from './member';
import { createRecent } from './recent';

/** Every socket of this node that is signed in, found by whom a revocation reaches. */
export interface Members {
  /** @param authorization what the client sent, which the guard has found to be good for this principal */
  join(principal: Principal, authorization: string, close: CloseSocket): Member;
  /** How many a user has. */
  countOf(userId: string): number;
  /** Hears no more revocations, and ends all. */
  stop(): void;
}

export interface MembersOptions {
  readonly announcements: Announcements;
  readonly guard: Guard;
  readonly clock: Clock;
  /** ms */
  readonly clockSkew: number;
  readonly limits: SocketLimits;
  readonly logger: Logger;
}

/** Each event of a subscription is executed, which takes much longer than to look at a member without one. */
const weightOf = ({ subscriptions }: Member) => 1 + 10 * subscriptions;

function createIndex() {
  const sets = new Map<string, Set<Member>>();
  return {
    of: (key: string): readonly Member[] => [...(sets.get(key) ?? [])],
    countOf: (key: string) => sets.get(key)?.size ?? 0,
    add(key: string, member: Member) {
      const set = sets.get(key);
      if (set) set.add(member);
      else sets.set(key, new Set([member]));
    },
    remove(key: string, member: Member) {
      const set = sets.get(key);
      set?.delete(member);
      if (set?.size === 0) sets.delete(key);
    },
  };
}

export function createMembers({ announcements, limits, logger, ...judging }: MembersOptions): Members {
  const everyone = new Set<Member>();
  const ofUser = createIndex();
  const ofKey = createIndex();
  const wantAll = new Set<Member>();
  // A token may be found good by a store that has not got the revocation yet, just when it is announced here. Who joins
  // after that has missed it; so the last ones are held against whoever joins.
  const recent = createRecent(judging.clock);

  const reachedBy = (entry: LoggedRevocation): readonly Member[] => {
    if (entry.kind === 'EVERYONE') return [...everyone];
    if (entry.kind === 'KEY') return ofKey.of(entry.keyId);
    return ofUser.of(entry.userId);
  };

  const concern = (reached: readonly Member[], entry: LoggedRevocation) =>
    forEachInTurns(
      reached,
      (member) => {
        if (!member.hasEnded) member.concern(entry);
      },
      weightOf,
    );

  const unsubscribe = announcements.subscribe((entry, isNews) => {
    const reached = reachedBy(entry);
    if (!isNews) {
      // A whole log of them may come at a time: they are no events, and not remembered.
      recent.passOver();
      const refused = reached.filter(({ principal }) => refuses(entry, principal));
      if (refused.length > 0) void concern(refused, entry);
      return;
    }
    recent.add(entry);
    void concern(reached, entry);
    // Last: one whose token has just ended is told nothing more.
    void forEachInTurns([...wantAll], (member) => member.inform(entry), weightOf);
  });

  return {
    join(principal, authorization, close) {
      const { userId, keyId } = principal;
      const member: Member = createMember({
        ...judging,
        principal,
        authorization,
        limits,
        logger,
        close,
        onLeave() {
          everyone.delete(member);
          wantAll.delete(member);
          ofUser.remove(userId, member);
          ofKey.remove(keyId, member);
        },
        onInterest(wantsAll) {
          if (wantsAll) wantAll.add(member);
          else wantAll.delete(member);
        },
      });
      everyone.add(member);
      ofUser.add(userId, member);
      ofKey.add(keyId, member);
      const missed = recent.refusing(principal);
      if (missed) member.concern(missed);
      // What is not remembered here has been taken into the view, which the check asks.
      else if (recent.isPartial) member.recheck();
      return member;
    },
    countOf: ofUser.countOf,
    stop() {
      unsubscribe();
      recent.stop();
      for (const member of [...everyone]) member.leave();
    },
  };
}
