import type { AuthResult } from './guard';

/** Headers as Node has them, or as the Fetch API does. */
type AnyHeaders =
  Readonly<Record<string, string | readonly string[] | undefined>> | { get(name: string): string | null };

/** What every server has in common about a request. */
export interface RequestWithHeaders {
  readonly headers: AnyHeaders;
  /** As Node has them: names and values in turn, nothing left out. */
  readonly rawHeaders?: readonly string[];
  /** Where Fastify keeps Node's own request. */
  readonly raw?: { readonly rawHeaders?: readonly string[] };
}

const NAME = 'authorization';

/** What the guard is told where a request names two tokens: it is none, so the request is refused as `TOKEN_INVALID`. */
export const AMBIGUOUS = 'given twice';

/** Node drops all but the first from `headers` and says nothing. */
function timesIn(rawHeaders: readonly string[]): number {
  let times = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === NAME.length && name.toLowerCase() === NAME) times += 1;
  }
  return times;
}

/**
 * The value of the `Authorization` header. A request that has two is not to be believed, though one be good: which of them
 * a proxy has looked at could not be told.
 */
export function authorizationOf(request: RequestWithHeaders): string | undefined {
  const { headers } = request;
  const value =
    typeof headers.get === 'function' ? headers.get(NAME) : (headers as Record<string, unknown>)[NAME];
  if (value === undefined || value === null) return undefined;
  const rawHeaders = request.rawHeaders ?? request.raw?.rawHeaders;
  if (rawHeaders && timesIn(rawHeaders) > 1) return AMBIGUOUS;
  if (typeof value === 'string') return value;
  const values = value as readonly string[];
  return values.length > 1 ? AMBIGUOUS : values[0];
}

/**
 * What the middleware of Express, or the plugin of Fastify, has found out about a request. Throws where neither has run:
 * that is a fault of the service, and nothing to be taken for "signed in".
 */
export function authOf(request: object): AuthResult {
  const { auth } = request as { auth?: AuthResult | null };
  if (typeof auth?.ok !== 'boolean')
    throw new Error('The guard has not seen this request: put expressGuard or fastifyGuard before it.');
  return auth;
}
