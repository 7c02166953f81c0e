// The session of a signed-in user in a web page, and the Apollo Client link that keeps its requests going. Copy this file.
import { ApolloLink } from '@apollo/client';
import { concatMap, defer, of } from 'rxjs';

/** Why a request is refused whose session may well be alive. */
const RENEWABLE = ['TOKEN_EXPIRED', 'TOKEN_REVOKED'];

/** What a refresh says when the session is over. Any other fault of it, SERVICE_UNAVAILABLE above all, says nothing of the session. */
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
 * @param options.onSessionEnded called once when a session has ended that was not signed out of here
 * @param options.fetch the browser's own, unless a test has another
 */
export function createSession({ authUrl, onSessionEnded, fetch = globalThis.fetch }) {
  // One object for each sign-in: { userId, accessToken, refreshing }. A request keeps to the one that it began with, so it
  // is never repeated in the name of somebody else. Without an accessToken it is over.
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

  async function refresh(session) {
    try {
      const { accessToken, user } = (await ask(REFRESH)).refresh;
      // Tabs share the cookie: in another one somebody else may have signed in.
      if (user.id === session.userId) session.accessToken = accessToken;
      else end(session);
    } catch (error) {
      if (!OVER.includes(error.code)) throw error;
      end(session);
    }
    if (!session.accessToken) onSessionEnded();
  }

  /** Sees to a newer token than the one that was refused. Whoever comes while a refresh is under way waits for it. */
  async function renew(session, refused) {
    // Else an answer came late, and the newer one is there, or the session is over.
    if (session.accessToken === refused) {
      session.refreshing ??= refresh(session).finally(() => (session.refreshing = undefined));
      await session.refreshing;
    }
  }

  /** The cookie must not change hands while a refresh is using it. How that ends is told to those who wait for it. */
  const settled = () => current?.refreshing?.catch(() => undefined);

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
      const { accessToken } = session;
      return send().pipe(
        concatMap((result) =>
          accessToken && isRenewable(result)
            ? defer(() => renew(session, accessToken)).pipe(
                concatMap(() => (session.accessToken ? send() : of(result))),
              )
            : of(result),
        ),
      );
    };
    return session.refreshing
      ? defer(() => session.refreshing).pipe(concatMap(sendAndRenew))
      : sendAndRenew();
  });

  return {
    /** Goes before the HttpLink. */
    link,
    async signIn(email, password) {
      await settled();
      begin((await ask(LOGIN, { email, password })).login);
    },
    /** When the page is loaded: the cookie may be there still, the access token is not. Answers whether it was. */
    async resume() {
      try {
        begin((await ask(REFRESH)).refresh);
        return true;
      } catch (error) {
        if (OVER.includes(error.code)) return false;
        throw error;
      }
    },
    /** Throws, and leaves the user signed in, if the auth server could not end the session. */
    async signOut() {
      await settled();
      const session = current;
      await ask(LOGOUT);
      if (session) end(session);
    },
  };
}
