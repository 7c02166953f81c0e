import type { FastifyRequest } from 'fastify';

/** Whether the request's `Origin`, if it has one, is the service's own or an allowed one. */
export type IsOwnPage = (request: FastifyRequest) => boolean;

export interface OriginOptions {
  /** The service's own URL, as clients know it. */
  readonly issuer: string;
  /** Further allowed origins. */
  readonly origins: readonly string[];
}

export function createOriginCheck({ issuer, origins }: OriginOptions): IsOwnPage {
  const allowed = new Set([new URL(issuer).origin, ...origins]);
  return ({ headers: { origin, host }, protocol }) =>
    origin === undefined || origin === `${protocol}://${host ?? ''}` || allowed.has(origin);
}
