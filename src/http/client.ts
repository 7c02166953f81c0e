import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Client } from '../actions/client';
import { clientAddressOf } from './client-address';

/** Characters of the User-Agent that are kept. */
const LONGEST_USER_AGENT = 400;

export const clientOf = (request: FastifyRequest): Client => ({
  ipAddress: clientAddressOf(request),
  userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT),
  requestId: request.id,
});

/**
 * Creates a signal that aborts if the client disconnects before the response is complete. Fastify's own
 * `request.signal` aborts as soon as the body is read.
 */
export function clientGoneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
