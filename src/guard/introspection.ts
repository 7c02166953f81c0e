import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import type { HttpClient } from '../http-client/http-client';
import type { Source } from '../core/ports/source';
import type { IntrospectionSettings } from './guard-options';

export interface IntrospectionOptions extends Required<IntrospectionSettings> {
  readonly http: Pick<HttpClient, 'ask'>;
  readonly clock: Clock;
}

/** ms that an answer may take. */
const TIMEOUT = 3000;

/** The most "active" answers kept. */
const MOST_REMEMBERED = 10_000;

/** Reads `active` from an answer. Undefined if the answer is not one of RFC 7662. */
function activeIn(answer: string): boolean | undefined {
  try {
    const { active } = JSON.parse(answer) as { active?: unknown };
    return typeof active === 'boolean' ? active : undefined;
  } catch {
    return undefined;
  }
}

/** Creates the source that asks the auth server about a token. Requests share only remembered answers. */
export function createIntrospection(options: IntrospectionOptions): Source {
  const { url, secret, rememberFor, http, clock } = options;
  /** By jti, the monotonic time (ms) until which a token counts as active. "Not active" is never kept. */
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
      timeout: TIMEOUT,
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
    async find({ token: { claims }, text }) {
      // Taken before the request: a slow answer must not be trusted for longer.
      const askedAt = clock.monotonic();
      if ((remembered.get(claims.jti) ?? -Infinity) > askedAt) return { from: 'introspection', active: true };
      const active = await isActive(text);
      if (!active) remembered.delete(claims.jti);
      else if (rememberFor > 0) remembered.set(claims.jti, askedAt + rememberFor);
      return { from: 'introspection', active };
    },
  };
}
