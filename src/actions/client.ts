import { siteOf } from '../core/address';
import type { Asker } from '../core/ports/passwords';
import type { AuthResult } from '../guard/guard';

/** Where a request comes from, as far as can be told. */
export interface Client {
  readonly ipAddress: string;
  readonly userAgent: string | undefined;
  /** Names the request in the log. */
  readonly requestId?: string;
  /** Aborted when the client has gone: then nobody waits for the answer any longer. */
  readonly signal?: AbortSignal;
}

/** What the audit log says of where a request came from. */
export const originOf = ({ ipAddress, userAgent, requestId }: Client) => ({
  ipAddress,
  userAgent,
  requestId,
});

/** For whom passwords are hashed: the whole site counts as one, as a single customer may have all of its networks. */
export const askerOf = ({ ipAddress, signal }: Client): Asker => ({ network: siteOf(ipAddress), signal });

/** A request that may or may not be signed in. */
export interface Caller {
  readonly auth: AuthResult;
  readonly client: Client;
  /** The refresh token that came in a cookie, from a page that may use it. */
  readonly refreshCookie: string | undefined;
}
