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
  // One object for each sign-in: its userId, its accessToken while it lasts, the latest turn of it (a refresh, or the sign-out),
  // and the same as `pending` while that is under way. A request keeps to the object that it began with, so it is never
  // repeated as somebody else.
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

  /** Requests that come meanwhile wait for the turn, and so does whoever would begin another: the cookie is one. */
  function take(session, turn) {
    session.latest = session.pending = turn.finally(() => (session.pending = undefined));
    return session.latest;
  }

  /**
   * Waits for a turn that began after the request was sent; begins a refresh if there was none. So one refresh does for all
   * the requests before it, however late their answers come, and also if it fails.
   *
   * @param before the latest turn when the request was sent
   */
  async function renew(session, before) {
    if (session.accessToken)
      await (session.latest === before ? take(session, refresh(session)) : session.latest);
  }

  /** The cookie must not change hands while a refresh uses it. How that ends is told to those who need it. */
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
    // New requests queue behind a turn that is under way.
    return session.pending ? defer(() => session.pending).pipe(concatMap(sendAndRenew)) : sendAndRenew();
  });

  return {
    /** Goes before the HttpLink. */
    link,
    /** Whoever was signed in before is so no longer, whether or not this succeeds. */
    async signIn(email, password) {
      await settled();
      if (current) end(current);
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
      const leaving = ask(LOGOUT).then(() => session && end(session));
      await (session ? take(session, leaving) : leaving);
    },
  };
}
