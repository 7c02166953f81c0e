import { type PublicUser, type Session, toPublicUser, type User } from '../core/account';
import { HookError } from '../core/errors';
import type { PageRequest } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { Actions } from './actions';
import type { ChangedUser } from './change-user';
import type { ActorClient } from './client';
import type { NewUser } from './create-user';

/** Who asks for a change, for the audit log. */
export interface By {
  /** The user who asks for it. */
  readonly actorId?: string;
  readonly client?: ActorClient;
}

export interface Reasoned extends By {
  readonly reason?: string;
}

export interface ChangedPublicUser {
  readonly user: PublicUser;
  /** What the change ended, if anything. */
  readonly receipt?: Receipt;
}

const of = ({ actorId, client = {} }: By) => [{ userId: actorId }, client] as const;

const changed = ({ user, receipt }: ChangedUser): ChangedPublicUser => ({
  user: toPublicUser(user),
  ...(receipt && { receipt }),
});

const found = (user: User | undefined) => user && toPublicUser(user);

/**
 * Makes the use cases callable for trusted code: it needs no token and no role, and nothing limits it. Errors have a
 * `code`, as in GraphQL.
 *
 * @param actions without limits
 */
function unwrapped(actions: Actions) {
  return {
    /** Creates an account without a session. The hook `registering` runs. */
    createUser: async (account: NewUser, by: By = {}): Promise<PublicUser> => {
      const [actor, client] = of(by);
      return toPublicUser(await actions.createUser(actor, account, client));
    },
    findUser: async (id: string): Promise<PublicUser | undefined> =>
      found((await actions.findUsers([id]))[0]),
    /** In the order of the ids; `undefined` for one without an account. */
    findUsers: async (ids: readonly string[]) => (await actions.findUsers(ids)).map(found),
    /** A page of at most 100 users. */
    listUsers: async (page: PageRequest, search?: string) => {
      const { items, hasNextPage } = await actions.listUsers(page, search);
      return { items: items.map(({ node, cursor }) => ({ cursor, node: toPublicUser(node) })), hasNextPage };
    },
    listAuditEvents: (page: PageRequest, userId?: string) => actions.listAuditEvents(page, userId),
    listSessions: async (userId: string, page: PageRequest = { first: 100 }): Promise<readonly Session[]> => {
      const [sessions = []] = await actions.listSessions([{ userId, ...page }]);
      if (sessions instanceof Error) throw sessions;
      return sessions;
    },
    forceLogout: (userId: string, { reason, ...by }: Reasoned = {}) => {
      const [actor, client] = of(by);
      return actions.forceLogout(actor, userId, reason, client);
    },
    forceLogoutSession: (sessionId: string, { reason, ...by }: Reasoned = {}) => {
      const [actor, client] = of(by);
      return actions.forceLogoutSession(actor, sessionId, reason, client);
    },
    forceLogoutAll: ({ reason, ...by }: By & { readonly reason: string }) => {
      const [actor, client] = of(by);
      return actions.forceLogoutAll(actor, reason, client);
    },
    /** Ends the access tokens, not the sessions: the next ones have the user's new claims. */
    endTokens: (userId: string, { reason, ...by }: Reasoned = {}) => {
      const [actor, client] = of(by);
      return actions.endTokens(actor, userId, reason, client);
    },
    disableUser: async (userId: string, { reason, ...by }: Reasoned = {}) => {
      const [actor, client] = of(by);
      return changed(await actions.disableUser(actor, userId, reason, client));
    },
    enableUser: async (userId: string, by: By = {}) => {
      const [actor, client] = of(by);
      return changed(await actions.enableUser(actor, userId, client));
    },
    setRole: async (userId: string, role: string, by: By = {}) => {
      const [actor, client] = of(by);
      return changed(await actions.setRole(actor, userId, role, client));
    },
    inviteUser: async (email: string, { role = 'USER', ...by }: By & { readonly role?: string } = {}) => {
      const [actor, client] = of(by);
      return toPublicUser(await actions.inviteUser(actor, email, role, client));
    },
    deleteUser: (userId: string, { reason, ...by }: Reasoned = {}) => {
      const [actor, client] = of(by);
      return actions.deleteUser(actor, userId, reason, client);
    },
    sendPasswordReset: (userId: string, by: By = {}) =>
      actions.sendPasswordReset(of(by)[0], userId, of(by)[1]),
    rotateSigningKey: ({ revokeOld = false, ...by }: By & { readonly revokeOld?: boolean } = {}) => {
      const [actor, client] = of(by);
      return actions.rotateSigningKey(actor, revokeOld, client);
    },
    introspect: (token: string) => actions.introspect(token),
  };
}

export type Api = ReturnType<typeof unwrapped>;

type Method = (...args: never[]) => Promise<unknown>;

/** Throws what a hook threw, as it is. */
const withoutHookError =
  (method: Method): Method =>
  async (...args) => {
    try {
      return await method(...args);
    } catch (error) {
      throw error instanceof HookError ? error.cause : error;
    }
  };

export function createApi(actions: Actions): Api {
  const methods = Object.entries(unwrapped(actions)) as [string, Method][];
  return Object.fromEntries(methods.map(([name, method]) => [name, withoutHookError(method)])) as Api;
}
