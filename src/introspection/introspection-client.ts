import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
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
  readonly clock: Clock;
}

/** Answers that are remembered at a time. */
const MOST_REMEMBERED = 10_000;

/** Asks the auth server about a token. No answer is shared between requests, but for what is remembered. */
export function createIntrospection(options: IntrospectionOptions): LastResort {
  const { url, secret, rememberFor, timeout, clock } = options;
  /** Until when a token, named by its jti, counts as active. "Not active" is final, and cheap to ask again. */
  const active = new LRUCache<string, number>({ max: MOST_REMEMBERED });

  const isActive = async (text: string): Promise<boolean> => {
    let response: Response;
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, accept: 'application/json' },
        body: new URLSearchParams({ token: text, token_type_hint: 'access_token' }),
        signal: AbortSignal.timeout(timeout),
        redirect: 'error',
      });
    } catch (error) {
      throw serviceUnavailable(error);
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw serviceUnavailable(new Error(`the auth server answered ${response.status} to introspection`));
    }
    const answer = (await response.json().catch(() => undefined)) as { active?: unknown } | undefined;
    if (typeof answer?.active !== 'boolean')
      throw serviceUnavailable(new Error('the auth server did not say whether the token is active'));
    return answer.active;
  };

  return {
    step: 'introspection',
    async ask({ claims }, text) {
      if ((active.get(claims.jti) ?? -Infinity) > clock.monotonic()) return 'GOOD';
      // From before the question: by then it may have been answered long ago.
      const askedAt = clock.monotonic();
      if (!(await isActive(text))) {
        active.delete(claims.jti);
        return 'REVOKED';
      }
      if (rememberFor > 0) active.set(claims.jti, askedAt + rememberFor);
      return 'GOOD';
    },
  };
}
