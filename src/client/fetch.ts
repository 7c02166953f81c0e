import type { Bearer, Sent } from './bearer.js';

interface Refusal {
  readonly reason?: string | undefined;
  /** Whether a part of the operation was served. */
  readonly isPartial: boolean;
}

interface Result {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly {
    readonly extensions?: { readonly code?: string; readonly reason?: string };
  }[];
}

/** @param url may be relative in a page */
const originOf = (url: string): string => new URL(new Request(url).url).origin;

/**
 * Makes a `fetch` that adds the access token. If the token is refused, it waits for a new one and sends the request once
 * more, for the same user.
 *
 * @param urls those whose origins get the token; no other does
 */
export function createFetch(bearer: Bearer, send: typeof fetch, urls: readonly string[]): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const put = ({ accessToken }: Sent) => {
      const copy = request.clone();
      copy.headers.set('authorization', `Bearer ${accessToken}`);
      return send(copy);
    };
    const isForUs = urls.some((url) => originOf(url) === originOf(request.url));
    if (!isForUs || request.headers.has('authorization')) return send(request);
    const sent = await bearer.token();
    if (!sent) return send(request);
    const response = await put(sent);
    const refusal = await refusalIn(response);
    if (!refusal || (refusal.isPartial && !(await isQuery(request)))) return response;
    const next = await bearer.replace(sent, refusal.reason);
    return next ? put(next) : response;
  };
}

/** Whether sending the request again runs nothing twice. A persisted query may be a mutation. */
async function isQuery(request: Request): Promise<boolean> {
  const body = await request.clone().text();
  return request.method === 'GET' || (/"query"\s*:/.test(body) && !/\bmutation\b/.test(body));
}

/** Returns how the token was refused: by a GraphQL error, whatever the status, or by the status 401. */
async function refusalIn(response: Response): Promise<Refusal | undefined> {
  const is401 = response.status === 401 ? { isPartial: false } : undefined;
  // Not a stream of events or parts.
  if (!/json\s*(;|$)/.test(response.headers.get('content-type') ?? '')) return is401;
  const text = await response.clone().text();
  if (!is401 && !text.includes('UNAUTHENTICATED')) return undefined;
  try {
    // A batch has several.
    const results = [JSON.parse(text) as Result | Result[]].flat();
    const errors = results.flatMap((result) => result.errors ?? []);
    if (!errors[0]) return is401;
    const error = errors.find(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
    const isPartial = results.some(({ data }) => Object.values(data ?? {}).some((value) => value !== null));
    return error && { reason: error.extensions?.reason, isPartial };
  } catch {
    return is401;
  }
}
