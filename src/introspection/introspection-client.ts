import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import type { HttpClient } from '../http-client/http-client';
import type { LastResort } from '../revocation/check';

export interface IntrospectionOptions {
  /** The auth server's endpoint (RFC 7662). */
  readonly url: string;
  /** What the auth server knows us by. */
  readonly secret: string;
  /** ms for which "active" is believed without asking again; a token that is revoked meanwhile is accepted for as long */
  readonly rememberFor: number;
  /** ms that the auth server gets to answer */
  readonly timeout: number;
  readonly http: Pick<HttpClient, 'ask'>;
  readonly clock: Clock;
}

/** Answers that are remembered at a time. */
const MOST_REMEMBERED = 10_000;

/** What an answer says, or nothing where it does not say it. */
function activeIn(answer: string): boolean | undefined {
  try {
    const { active } = JSON.parse(answer) as { active?: unknown };
    return typeof active === 'boolean' ? active : undefined;
  } catch {
    return undefined;
  }
}

/** Asks the auth server about a token. No answer is shared between requests, but for what is remembered. */
export function createIntrospection(options: IntrospectionOptions): LastResort {
  const { url, secret, rememberFor, timeout, http, clock } = options;
  /** Until when a token, named by its jti, counts as active. "Not active" is final, and cheap to ask again. */
  const remembered = new LRUCache<string, number>({ max: MOST_REMEMBERED });

  const isActive = async (token: string): Promise<boolean> => {
    const question = {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
      timeout,
    } as const;
    const { text } = await http.ask(url, question).catch((error: unknown) => {
      throw serviceUnavailable(error);
    });
    const active = activeIn(text);
    if (active === undefined)
      throw serviceUnavailable(new Error('the auth server did not say whether the token is active'));
    return active;
  };

  return {
    step: 'introspection',
    async ask({ claims }, text) {
      if ((remembered.get(claims.jti) ?? -Infinity) > clock.monotonic()) return 'GOOD';
      // From before the question: by then it may have been answered long ago.
      const askedAt = clock.monotonic();
      if (!(await isActive(text))) {
        remembered.delete(claims.jti);
        return 'REVOKED';
      }
      if (rememberFor > 0) remembered.set(claims.jti, askedAt + rememberFor);
      return 'GOOD';
    },
  };
}
