import { type Actions, createActions } from './actions.js';
import { createApi } from './api.js';
import { createBearer } from './bearer.js';
import { type Clock, systemClock } from './clock.js';
import { createFetch } from './fetch.js';
import { detectPlatform, type Platform } from './platform.js';
import { createRenewal } from './renewal.js';
import { createSocketOptions, type SocketOptions } from './socket.js';
import { createState, type EndReason, type SessionState, type SessionUser } from './state.js';

export interface SessionOptions {
  /** The GraphQL endpoint of the auth server: `https://auth.example.com/graphql`. In a page it may be relative. */
  readonly url: string;
  /** Further origins to which `session.fetch` sends the token: `https://api.example.com`. No other gets it. */
  readonly origins?: readonly string[];
  /** The fields of `User` in the state, in GraphQL. `id` is always there. */
  readonly userFields?: string;
  /** Runs once when a session ends, in every tab. */
  readonly onEnd?: (reason: EndReason) => void;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  readonly platform?: Platform;
}

/** What the state says of a user, unless `userFields` asks for something else. */
export interface DefaultUser extends SessionUser {
  readonly email: string;
  readonly role: string;
  readonly emailVerified: boolean;
}

export interface Session<User extends SessionUser = DefaultUser> extends Actions<User> {
  /** Who is signed in. The same object until something changes. */
  readonly getSnapshot: () => SessionState<User>;
  /** Runs the listener at every change, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Waits until it is known who is signed in. Throws a `SessionError` if the auth server cannot say it now. */
  readonly ready: () => Promise<SessionState<User>>;
  /** Gets new tokens now, and learns what has changed: a role, or that the session has ended. */
  readonly refresh: () => Promise<SessionState<User>>;
  /** Returns a good access token, for what `fetch` cannot send; none if nobody is signed in. */
  readonly accessToken: () => Promise<string | undefined>;
  /** `fetch` with the access token, for the API that the page calls. */
  readonly fetch: typeof fetch;
  /** Options for `createClient` of graphql-ws. Make new ones for each client. */
  readonly socketOptions: () => SocketOptions;
  /** Leaves the other tabs, and stops refreshing. The user stays signed in. */
  readonly close: () => void;
}

/** Makes the session of a page or an application. It does nothing before its first use. */
export function createSession<User extends SessionUser = DefaultUser>(
  options: SessionOptions,
): Session<User> {
  const { url, userFields = 'email role emailVerified', clock = systemClock } = options;
  // Called as a function of its own, as browsers demand.
  const send: typeof fetch = options.fetch ?? ((...request) => fetch(...request));
  const platform = options.platform ?? detectPlatform();
  const state = createState<User>(clock, options.onEnd);
  const api = createApi<User>({ url, userFields, clock, fetch: send });
  const renewal = createRenewal<User>({ name: `tokenfence ${url}`, state, api, platform, clock });
  const bearer = createBearer(state, renewal);
  const subscribe = (listener: () => void) => {
    renewal.start();
    return state.subscribe(listener);
  };
  return {
    ...createActions({ state, api, renewal }),
    getSnapshot: state.snapshot,
    subscribe,
    ready: () => renewal.ready().then(state.snapshot),
    refresh() {
      renewal.start();
      return renewal.renew().then(state.snapshot);
    },
    accessToken: () => bearer.token().then((sent) => sent?.accessToken),
    fetch: createFetch(bearer, send, [url, ...(options.origins ?? [])]),
    socketOptions: () => createSocketOptions(bearer, subscribe),
    close: renewal.stop,
  };
}
