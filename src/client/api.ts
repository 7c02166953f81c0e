import type { Clock } from './clock.js';
import { type ErrorDetails, SessionError, unreachable } from './errors.js';
import type { Grant, SessionUser } from './state.js';

/** The answer to a logout. */
export interface LogoutReceipt {
  /** Whether every node refuses the tokens by now. Otherwise their end is stored, and will reach every node. */
  readonly confirmed: boolean;
}

export interface ApiOptions {
  readonly url: string;
  /** The fields of `User`, in GraphQL. */
  readonly userFields: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

interface AuthPayload<User> {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
  readonly session: { readonly id: string; readonly lastUsedAt: string };
  readonly user: User;
}

interface Answer {
  readonly data: Record<string, unknown>;
  readonly errors?: readonly { readonly message: string; readonly extensions: ErrorDetails }[];
}

/** ms after which the auth server counts as unreachable */
export const DEADLINE = 30_000;

export type Api<User extends SessionUser> = ReturnType<typeof createApi<User>>;

/** The mutations of the auth server. They throw a `SessionError`. */
export function createApi<User extends SessionUser>({ url, userFields, fetch, clock }: ApiOptions) {
  /** @param input the argument, whose type is named after the mutation */
  async function mutate(
    field: string,
    selection: string,
    accessToken?: string,
    input?: object,
    credentials: RequestInit['credentials'] = 'include',
  ): Promise<unknown> {
    const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
    const [variables, values] = input ? [`($input:${type})`, '(input:$input)'] : ['', ''];
    let answer: Answer;
    try {
      const response = await fetch(url, {
        method: 'POST',
        credentials,
        headers: {
          'content-type': 'application/json',
          ...(accessToken && { authorization: `Bearer ${accessToken}` }),
        },
        body: JSON.stringify({
          query: `mutation${variables}{${field}${values}{${selection}}}`,
          variables: { input },
        }),
        signal: clock.timeout(DEADLINE) ?? null,
      });
      answer = (await response.json()) as Answer;
    } catch (cause) {
      throw unreachable(cause);
    }
    const [error] = answer.errors ?? [];
    if (error) throw new SessionError(error.message, error.extensions);
    return answer.data[field];
  }

  return {
    /** Sends a mutation that answers tokens. */
    async grant(field: string, input?: object, accessToken?: string): Promise<Grant<User>> {
      const selection = `accessToken accessTokenExpiresAt session{id lastUsedAt}user{id ${userFields}}`;
      const payload = (await mutate(field, selection, accessToken, input)) as AuthPayload<User>;
      const { session, user } = payload;
      return {
        accessToken: payload.accessToken,
        // Both times are the server's, so this device's clock does not matter.
        lifetime: Date.parse(payload.accessTokenExpiresAt) - Date.parse(session.lastUsedAt),
        sessionId: session.id,
        user,
      };
    },
    logout: (field: string, accessToken: string, credentials?: 'omit') =>
      mutate(field, 'confirmed', accessToken, undefined, credentials) as Promise<LogoutReceipt>,
  };
}
