import type { Api, LogoutReceipt } from './api.js';
import type { SessionError } from './errors.js';
import type { Exchange } from './exchange.js';
import type { Renewal } from './renewal.js';
import type { SessionUser, State } from './state.js';

/** What changes the session. Every method throws a `SessionError` with a code of the API. */
export interface Actions<User extends SessionUser> {
  readonly login: (input: { readonly email: string; readonly password: string }) => Promise<User>;
  /** @param input also what your API has added to `RegisterInput` */
  readonly register: (input: {
    readonly email: string;
    readonly password: string;
    readonly [more: string]: unknown;
  }) => Promise<User>;
  readonly resetPassword: (input: { readonly token: string; readonly newPassword: string }) => Promise<User>;
  readonly acceptInvitation: (input: { readonly token: string; readonly password: string }) => Promise<User>;
  readonly changePassword: (input: {
    readonly currentPassword: string;
    readonly newPassword: string;
  }) => Promise<User>;
  /** Ends the user's other sessions. */
  readonly logoutOthers: () => Promise<User>;
  /**
   * Ends the session. If the auth server cannot end it, throws and keeps the user signed in. Returns nothing if it had
   * ended before.
   */
  readonly logout: () => Promise<LogoutReceipt | undefined>;
  /** Ends all sessions of the user. */
  readonly logoutEverywhere: () => Promise<LogoutReceipt | undefined>;
}

interface Parts<User extends SessionUser> {
  readonly state: State<User>;
  readonly api: Api<User>;
  readonly renewal: Renewal<User>;
}

export function createActions<User extends SessionUser>({ state, api, renewal }: Parts<User>): Actions<User> {
  const token = () => state.held()?.accessToken;

  /** Runs what changes the session, while no tab refreshes. */
  async function change<T>(run: (exchange: Exchange<User>) => Promise<T>): Promise<T> {
    await renewal.ready().catch(() => undefined);
    const exchange = renewal.start();
    return exchange.tabs.exclusively(() => run(exchange));
  }

  /** Signs in. The cookie of the session before is gone, so that session is ended. */
  const enter = (field: string) => (input: object) =>
    change(async ({ begin }) => {
      const before = token();
      const grant = await api.grant(field, { ...input, useCookie: true });
      begin(grant);
      if (before) api.logout('logout', before, 'omit').catch(() => undefined);
      return grant.user;
    });

  /** Replaces the tokens. These mutations need a good one, so a refresh goes before. */
  const replaceBy = (field: string) => (input?: object) =>
    change(async ({ begin }) => {
      await renewal.refresh();
      const grant = await api.grant(field, input, token());
      begin(grant);
      return grant.user;
    });

  const leaveBy = (field: string) => () =>
    change(async ({ end }) => {
      // `logout` takes any token of the session, even an expired one. Without one, nobody knows yet whether there is one.
      if (field !== 'logout' || state.snapshot().status === 'restoring') await renewal.refresh();
      const accessToken = token();
      if (!accessToken) return undefined;
      const receipt = await api.logout(field, accessToken).catch((error: unknown) => {
        // It had ended before: nobody is kept signed in by that.
        if ((error as SessionError).code !== 'UNAUTHENTICATED') throw error;
      });
      end('logout');
      return receipt ?? undefined;
    });

  return {
    login: enter('login'),
    register: enter('register'),
    resetPassword: enter('resetPassword'),
    acceptInvitation: enter('acceptInvitation'),
    changePassword: replaceBy('changePassword'),
    logoutOthers: replaceBy('logoutOthers'),
    logout: leaveBy('logout'),
    logoutEverywhere: leaveBy('logoutEverywhere'),
  };
}
