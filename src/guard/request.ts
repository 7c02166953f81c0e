import type { Shape } from '../core/shape';
import type { AuthResult } from './guard';

/** Headers of Node, or of the Fetch API. */
type AnyHeaders =
  Readonly<Record<string, string | readonly string[] | undefined>> | { get(name: string): string | null };

/** A request of any Node server or of the Fetch API. */
export interface RequestWithHeaders {
  readonly headers: AnyHeaders;
  /** Node's raw headers: names and values in turn, with duplicates. */
  readonly rawHeaders?: readonly string[];
  /** Node's own request, in Fastify. */
  readonly raw?: { readonly rawHeaders?: readonly string[] };
}

const NAME = 'authorization';

/** Stands for two `Authorization` headers. It has no scheme, so the guard answers `TOKEN_INVALID`. */
export const AMBIGUOUS = 'given twice';

/** Names and values. Node reads as many of a request, and leaves out the others without a word. */
const MOST_READ = 2000;

/** Counts the header in the raw ones: in `headers`, Node silently keeps only the first. */
function timesIn(rawHeaders: readonly string[]): number {
  let times = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === NAME.length && name.toLowerCase() === NAME) times += 1;
  }
  return times;
}

/** Returns the `Authorization` header. Two are `AMBIGUOUS`: a proxy in front may have checked the other one. */
export function authorizationOf(request: RequestWithHeaders): string | undefined {
  const { headers } = request;
  const value =
    typeof headers.get === 'function' ? headers.get(NAME) : (headers as Record<string, unknown>)[NAME];
  if (value === undefined || value === null) return undefined;
  const rawHeaders = request.rawHeaders ?? request.raw?.rawHeaders;
  // Of more headers than are read, another one may be a token.
  if (rawHeaders && (rawHeaders.length >= MOST_READ || timesIn(rawHeaders) > 1)) return AMBIGUOUS;
  if (typeof value === 'string') return value;
  const values = value as readonly string[];
  return values.length > 1 ? AMBIGUOUS : values[0];
}

/**
 * Returns the result that `expressGuard` or `fastifyGuard` set on the request.
 *
 * @throws Error if neither has run, so that a forgotten guard is never taken for a signed-in user
 */
export function authOf<S extends Shape = Shape>(request: object): AuthResult<S> {
  const { auth } = request as { auth?: AuthResult<S> | null };
  if (typeof auth?.ok !== 'boolean')
    throw new Error(
      'The guard has not seen this request: register expressGuard or fastifyGuard before this handler.',
    );
  return auth;
}
