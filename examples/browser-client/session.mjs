// The session of a signed-in user in a web page, and the Apollo Client link that refreshes its tokens. Copy this file.
import { ApolloLink } from '@apollo/client';
import { concatMap, defer, of } from 'rxjs';

/** The reasons of a refusal after which the session may still be alive. */
const RENEWABLE = ['TOKEN_EXPIRED', 'TOKEN_REVOKED'];

/** The code of a refresh after the session has ended. Other codes, like SERVICE_UNAVAILABLE, prove nothing about the session. */
const OVER = ['REFRESH_TOKEN_INVALID', 'REFRESH_TOKEN_REUSED'];

const LOGIN =
  'mutation($email: String!, $password: String!) { login(input: { email: $email, password: $password, useCookie: true }) { accessToken user { id } } }';
const REFRESH = 'mutation { refresh { accessToken user { id } } }';
const LOGOUT = 'mutation { logout { confirmed } }';

const isRenewable = ({ errors = [] }) =>
  errors.some(
    ({ extensions }) => extensions?.code === 'UNAUTHENTICATED' && RENEWABLE.includes(extensions.reason),
  );

/**
 * @param options.authUrl the auth server
 * @param options.onSessionEnded called once when a session has ended without a sign-out on this page
 * @param options.fetch the browser's own if left out
 */
export function createSession({ authUrl, onSessionEnded, fetch = globalThis.fetch }) {
  // One object for each sign-in: the userId, the current accessToken, the latest turn (a refresh or the sign-out), and the
  // same as `pending` while it runs. A request keeps the object that it began with, so it is never
  // repeated as another user.
  let current;

  async function ask(query, variables) {
    const response = await fetch(`${authUrl}/graphql`, {
      method: 'POST',
      credentials: 'include', // the refresh token is in a cookie
      headers: {
        'content-type': 'application/json',
        ...(current && { authorization: `Bearer ${current.accessToken}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) throw Object.assign(new Error(errors[0].message), errors[0].extensions);
    return data;
  }

  function end(session) {
    session.accessToken = undefined;
    if (current === session) current = undefined;
  }

  function begin({ accessToken, user }) {
    if (current) end(current);
    current = { userId: user.id, accessToken };
  }

  // Another tab may refresh at the same time, with the same cookie: both get the same next refresh token.
  async function refresh(session) {
    try {
      const { accessToken, user } = (await ask(REFRESH)).refresh;
      // Tabs share the cookie: another user may have signed in in another tab.
      if (user.id === session.userId) session.accessToken = accessToken;
      else end(session);
    } catch (error) {
      if (!OVER.includes(error.code)) throw error;
      end(session);
    }
    if (!session.accessToken) onSessionEnded();
  }

  /** Runs a turn. Requests and other turns wait for its end, because they share one cookie. */
  function take(session, turn) {
    session.latest = session.pending = turn.finally(() => (session.pending = undefined));
    return session.latest;
  }

  /**
   * Waits for a turn that began after the request was sent, or begins a refresh. So one refresh serves all
   * requests before it, however late their answers come, even if it fails.
   *
   * @param before the latest turn when the request was sent
   */
  async function renew(session, before) {
    if (session.accessToken)
      await (session.latest === before ? take(session, refresh(session)) : session.latest);
  }

  /** Waits for the turn that uses the cookie. Its result does not matter here. */
  const settled = () => current?.pending?.catch(() => undefined);

  const link = new ApolloLink((operation, forward) => {
    const session = current;
    if (!session) return forward(operation);

    const send = () => {
      const { accessToken } = session;
      operation.setContext(({ headers }) => ({
        headers: { ...headers, ...(accessToken && { authorization: `Bearer ${accessToken}` }) },
      }));
      return forward(operation);
    };
    const sendAndRenew = () => {
      const before = session.latest;
      return send().pipe(
        concatMap((result) =>
          isRenewable(result)
            ? defer(() => renew(session, before)).pipe(
                concatMap(() => (session.accessToken ? send() : of(result))),
              )
            : of(result),
        ),
      );
    };
    // New requests wait for a running turn.
    return session.pending ? defer(() => session.pending).pipe(concatMap(sendAndRenew)) : sendAndRenew();
  });

  return {
    /** Put this link before the HttpLink. */
    link,
    /** Signs in. The user before is signed out, even if this fails. */
    async signIn(email, password) {
      await settled();
      if (current) end(current);
      begin((await ask(LOGIN, { email, password })).login);
    },
    /** Restores the session from the cookie after a page load. Resolves with whether there was one. */
    async resume() {
      try {
        begin((await ask(REFRESH)).refresh);
        return true;
      } catch (error) {
        if (OVER.includes(error.code)) return false;
        throw error;
      }
    },
    /** Signs out. Throws, and keeps the user signed in, if the auth server could not end the session. */
    async signOut() {
      await settled();
      const session = current;
      const leaving = ask(LOGOUT).then(() => session && end(session));
      await (session ? take(session, leaving) : leaving);
    },
  };
}
