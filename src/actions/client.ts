import { siteOf } from '../core/address';
import type { Asker } from '../core/ports/passwords';
import type { Origin } from '../core/ports/rate-limits';
import type { AuthResult } from '../guard/guard';

/** The client of a request. */
export interface Client extends Origin {
  /** Aborts when the client disconnects. */
  readonly signal?: AbortSignal;
}

/** Where a change by an administrator comes from: a request, or the command line, which has no address. */
export type ActorClient = Partial<Origin>;

/** Returns what the audit log stores about a client. */
export const originOf = <T extends ActorClient>({ ipAddress, userAgent, requestId }: T) =>
  ({ ipAddress, userAgent, requestId }) as Pick<T, keyof Origin>;

/** Returns the asker that hashing queues by. */
export const askerOf = ({ ipAddress, signal }: Client): Asker => ({ site: siteOf(ipAddress), signal });

/** Who makes a change as an administrator: a signed-in user, or nobody for the command line. */
export interface Actor {
  readonly userId?: string;
}

/** The sender of a request, signed in or not. */
export interface Caller {
  readonly auth: AuthResult;
  readonly client: Client;
  /** The refresh token of the cookie, if the request's origin may use it. */
  readonly refreshCookie: string | undefined;
}
