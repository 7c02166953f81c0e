import type { FastifyRequest } from 'fastify';

/** Whether the page that sent a request, if a page did, is the service's own or one of those that are allowed. */
export type IsOwnPage = (request: FastifyRequest) => boolean;

export interface OriginOptions {
  /** The service's own address, as its clients know it. */
  readonly issuer: string;
  /** Origins of pages that are allowed besides the service's own. */
  readonly origins: readonly string[];
}

export function createOriginCheck({ issuer, origins }: OriginOptions): IsOwnPage {
  const allowed = new Set([new URL(issuer).origin, ...origins]);
  return ({ headers: { origin, host }, protocol }) =>
    origin === undefined || origin === `${protocol}://${host ?? ''}` || allowed.has(origin);
}
