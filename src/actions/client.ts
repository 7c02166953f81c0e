import { siteOf } from '../core/address';
import type { Asker } from '../core/ports/passwords';
import type { Origin } from '../core/ports/rate-limits';
import type { AuthResult } from '../guard/guard';

/** The client of a request. */
export interface Client extends Origin {
  /** Aborts when the client disconnects. */
  readonly signal?: AbortSignal;
}

/** Returns what the audit log stores about a client. */
export const originOf = ({ ipAddress, userAgent, requestId }: Client): Origin => ({
  ipAddress,
  userAgent,
  requestId,
});

/** Returns the asker that hashing queues by. */
export const askerOf = ({ ipAddress, signal }: Client): Asker => ({ site: siteOf(ipAddress), signal });

/** The sender of a request, signed in or not. */
export interface Caller {
  readonly auth: AuthResult;
  readonly client: Client;
  /** The refresh token of the cookie, if the request's origin may use it. */
  readonly refreshCookie: string | undefined;
}
