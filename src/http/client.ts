import type { FastifyRequest } from 'fastify';
import type { Client } from '../actions/client';
import { clientAddressOf } from './client-address';

/** Characters of the User-Agent that are kept. */
const LONGEST_USER_AGENT = 400;

export const clientOf = (request: FastifyRequest): Client => ({
  ipAddress: clientAddressOf(request),
  userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT),
  requestId: request.id,
});
