import type { IncomingMessage } from 'node:http';
import type { Client } from '../actions/client';
import { clientAddressOf, createProxyTrust, type IsTrustedProxy } from './client-address';

/** Characters of the User-Agent that are kept. */
const LONGEST_USER_AGENT = 400;

/** Characters of the request's id that are kept: an application may have taken it from a header. */
const LONGEST_ID = 128;

/** @param requestId names the request in the log */
export const clientOf = (
  request: IncomingMessage,
  requestId: string,
  isTrusted: IsTrustedProxy | false,
): Client => ({
  ipAddress: clientAddressOf(request, isTrusted),
  userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT),
  requestId: requestId.slice(0, LONGEST_ID),
});

/** Reads the client of a request of Fastify. */
export type ReadClient = (request: { readonly raw: IncomingMessage; readonly id: string }) => Client;

export function createClientReader(trustProxy: number | readonly string[] | false): ReadClient {
  const isTrusted = createProxyTrust(trustProxy);
  return ({ raw, id }) => clientOf(raw, id, isTrusted);
}
