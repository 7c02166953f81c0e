import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IsOwnPage } from './origin';

export interface RefreshCookie {
  /** Returns the cookie's token, if the request's origin may use it. */
  read(request: FastifyRequest): string | undefined;
  set(request: FastifyRequest, reply: FastifyReply, refreshToken: string, expiresAt: Date): void;
  clear(request: FastifyRequest, reply: FastifyReply): void;
}

/** Keeps the cookie from scripts, plain http (browsers exempt localhost) and other sites. */
const ATTRIBUTES = { httpOnly: true, secure: true, sameSite: 'strict', path: '/' } as const;

export function createRefreshCookie(issuer: string, isOwnPage: IsOwnPage): RefreshCookie {
  const isHttps = (request: FastifyRequest) => request.protocol === 'https' || issuer.startsWith('https:');

  // With the prefix `__Host-`, browsers accept the cookie only from this host, so no other subdomain can set it.
  const nameFor = (request: FastifyRequest) => (isHttps(request) ? '__Host-refresh_token' : 'refresh_token');

  return {
    // SameSite treats every subdomain as the same site. The origin tells them apart.
    read: (request) => (isOwnPage(request) ? request.cookies[nameFor(request)] : undefined),
    set(request, reply, refreshToken, expiresAt) {
      reply.setCookie(nameFor(request), refreshToken, { ...ATTRIBUTES, expires: expiresAt });
    },
    clear(request, reply) {
      if (request.cookies[nameFor(request)] !== undefined) reply.clearCookie(nameFor(request), ATTRIBUTES);
    },
  };
}
