import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, unauthenticated } from '../core/errors';
import { type LoggedRevocation, refuses } from '../core/revocation';
import { forEachInTurns } from '../core/schedule';
import type { AuthContext } from './apollo';
import { toGraphQLError } from './graphql-error';
import type { AuthResult, Guard, Principal } from './guard';
import { AMBIGUOUS } from './request';

/** A guard that tells of revocations: what `createGuard` makes. */
export interface TellingGuard extends Guard {
  /** @param listener is told, beside the revocation, whether it is news: false for one that was made before it began */
  onRevocation(listener: (entry: LoggedRevocation, isNews?: boolean) => void): () => void;
}

/** The part of a socket of `ws` that is used. */
export interface GuardedSocket {
  readonly readyState: number;
  close(code?: number, reason?: string): void;
  once(event: 'close', listener: () => void): unknown;
}

/** What graphql-ws knows of a socket. */
export interface SocketContext {
  readonly connectionParams?: Readonly<Record<string, unknown>>;
  readonly extra: { readonly socket: GuardedSocket };
}

export interface GraphqlWsGuardOptions {
  /**
   * ms for which an event or an operation of an open socket waits, when it cannot be told whether the token is still good,
   * before the socket is closed with 1013; 10000 if left out
   */
  readonly patience?: number;
}

/** Options for `useServer` of graphql-ws. */
export interface GraphqlWsHooks {
  onConnect(context: SocketContext): Promise<boolean>;
  /** Answers errors of GraphQL where the operation must not run. Their type is left out: not everyone has that package. */
  onSubscribe(context: SocketContext): Promise<readonly never[] | undefined>;
  onNext(context: SocketContext): Promise<{ data: null } | undefined>;
  context(context: SocketContext): AuthContext;
}

type Refused = Extract<AuthResult, { ok: false }>['code'];

/** As the auth server closes its own. Clients' libraries take 4401 for final, and come back after 1013. */
const CLOSE_CODES: Record<Refused, number> = {
  TOKEN_MISSING: 4403,
  TOKEN_INVALID: 4403,
  TOKEN_REVOKED: 4403,
  TOKEN_EXPIRED: 4401,
  SERVICE_UNAVAILABLE: 1013,
};
const UNEXPECTED = { code: 4500, reason: 'INTERNAL_SERVER_ERROR' satisfies ErrorCode };

/** `readyState` of a WebSocket that is open. */
const OPEN = 1;

/** ms between two attempts at a check that cannot be answered. */
const CHECK_INTERVAL = 500;

/** ms. Timers take no more than 2^31; and a machine that slept is noticed within this. */
const LONGEST_TIMER = 60_000;

/** ms between two looks at a token that is past its `exp`, but still good by the skew that the guard allows. */
const SKEW_INTERVAL = 1000;

/** The token as clients send it. Header names know no case, so both are in use. */
function authorizationIn({ connectionParams: params }: SocketContext): string | undefined {
  const given = [params?.authorization, params?.Authorization].filter((value) => value !== undefined);
  const [only] = given;
  return given.length > 1 || (only !== undefined && typeof only !== 'string') ? AMBIGUOUS : only;
}

/** A socket that was let in. */
interface Member {
  readonly principal: Principal;
  /** Whether its token is still good, as of now. If not, or if that can't be told for long, the socket is closed. */
  judge(): Promise<boolean>;
  end(reason: Refused): void;
}

interface MemberOptions {
  readonly principal: Principal;
  readonly judgeNow: () => Promise<AuthResult>;
  readonly socket: GuardedSocket;
  readonly patience: number;
}

function createMember({ principal, judgeNow, socket, patience }: MemberOptions): Member {
  const isOpen = () => socket.readyState === OPEN;
  const end = (reason: Refused) => socket.close(CLOSE_CODES[reason], reason);

  const judge = async (): Promise<boolean> => {
    try {
      const giveUpAt = performance.now() + patience;
      while (isOpen()) {
        const auth = await judgeNow();
        if (auth.ok) return isOpen();
        if (auth.code !== 'SERVICE_UNAVAILABLE' || performance.now() >= giveUpAt) {
          end(auth.code);
          return false;
        }
        await sleep(Math.min(CHECK_INTERVAL, patience), undefined, { ref: false });
      }
    } catch {
      socket.close(UNEXPECTED.code, UNEXPECTED.reason);
    }
    return false;
  };

  let expiry: NodeJS.Timeout;
  const awaitExpiry = (least: number) => {
    const left = Math.max(principal.claims.exp * 1000 - Date.now(), least);
    const look = async () => {
      if (await judge()) awaitExpiry(SKEW_INTERVAL);
    };
    expiry = setTimeout(() => void look(), Math.min(left, LONGEST_TIMER)).unref();
  };
  awaitExpiry(0);
  socket.once('close', () => clearTimeout(expiry));

  return { principal, judge, end };
}

/** Every socket that was let in, found by whom a revocation reaches. It listens only while there are any. */
function createMembers(guard: TellingGuard) {
  const ofUser = new Map<string, Set<Member>>();
  let stopListening: (() => void) | undefined;

  const reachedBy = (entry: LoggedRevocation): readonly Member[] => {
    if ('userId' in entry) return [...(ofUser.get(entry.userId) ?? [])];
    return [...ofUser.values()].flatMap((members) => [...members]);
  };

  const concern = (entry: LoggedRevocation, isNews = true) => {
    const all = reachedBy(entry);
    // A whole log of old ones may come at a time: no socket is to be judged once more for each of them.
    const reached = isNews ? all : all.filter(({ principal }) => refuses(entry, principal));
    return forEachInTurns(reached, (member) => {
      // What refuses it by itself needs no store to say so.
      if (refuses(entry, member.principal)) member.end('TOKEN_REVOKED');
      else void member.judge();
    });
  };

  return {
    add(member: Member) {
      const { userId } = member.principal;
      const others = ofUser.get(userId);
      if (others) others.add(member);
      else ofUser.set(userId, new Set([member]));
      stopListening ??= guard.onRevocation((entry, isNews) => void concern(entry, isNews));
    },
    remove(member: Member) {
      const { userId } = member.principal;
      const others = ofUser.get(userId);
      others?.delete(member);
      if (others?.size === 0) ofUser.delete(userId);
      if (ofUser.size > 0) return;
      stopListening?.();
      stopListening = undefined;
    },
  };
}

/**
 * Options for `useServer` of graphql-ws, on sockets of `ws`: `useServer({ schema, ...graphqlWsGuard(guard) }, server)`. Put
 * them last, and call them from hooks of your own: one that is replaced checks nothing.
 *
 * Only who sends a good token in `connectionParams.authorization` is let in. It is judged again before every operation and
 * every event. The socket is closed with 4403 as soon as this process learns that its token was revoked (without the
 * guard's view that is at its next event), with 4401 when it has expired, with 1013 when it cannot be told.
 */
export function graphqlWsGuard(
  guard: TellingGuard,
  { patience = 10_000 }: GraphqlWsGuardOptions = {},
): GraphqlWsHooks {
  const members = createMembers(guard);
  const known = new WeakMap<SocketContext, Member>();

  const memberOf = (context: SocketContext): Member => {
    const member = known.get(context);
    if (!member) throw new Error('This socket was never let in: has onConnect been replaced?');
    return member;
  };

  const letIn = async (context: SocketContext): Promise<boolean> => {
    const { socket } = context.extra;
    const authorization = authorizationIn(context);
    const judgeNow = () => guard.authenticate(authorization);
    const auth = await judgeNow();
    if (!auth.ok) {
      socket.close(CLOSE_CODES[auth.code], auth.code);
      return false;
    }
    // It may have gone meanwhile, and then would never be taken off the list.
    if (socket.readyState !== OPEN) return false;
    const member = createMember({ principal: auth.principal, judgeNow, socket, patience });
    members.add(member);
    socket.once('close', () => members.remove(member));
    known.set(context, member);
    // Once more, as a revocation may have been announced after the check and before it was on the list.
    return member.judge();
  };

  return {
    async onConnect(context) {
      try {
        return await letIn(context);
      } catch {
        context.extra.socket.close(UNEXPECTED.code, UNEXPECTED.reason);
        return false;
      }
    },
    async onSubscribe(context) {
      const member = memberOf(context);
      if (await member.judge()) return undefined;
      // The socket is being closed, and nothing is sent any more. This keeps the operation from being run.
      const error = toGraphQLError(unauthenticated('TOKEN_REVOKED'));
      return [error] as unknown as readonly never[];
    },
    async onNext(context) {
      // The closed socket drops it in any case. What it would have told is taken out all the same.
      return (await memberOf(context).judge()) ? undefined : { data: null };
    },
    context: (context) => ({ auth: { ok: true, principal: memberOf(context).principal } }),
  };
}
