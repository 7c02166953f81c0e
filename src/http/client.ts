import type { FastifyRequest } from 'fastify';
import type { Client } from '../actions/client';
import { clientAddressOf } from './client-address';

/** Characters of a user agent that are kept. */
const LONGEST_USER_AGENT = 400;

/** Where a request comes from. */
export const clientOf = (request: FastifyRequest): Client => ({
  ipAddress: clientAddressOf(request),
  userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT),
  requestId: request.id,
});
