import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IsOwnPage } from './origin';

/** How a browser keeps its refresh token. */
export interface RefreshCookie {
  /** The token that came with the request, if a page that may do so has sent it. */
  read(request: FastifyRequest): string | undefined;
  set(request: FastifyRequest, reply: FastifyReply, refreshToken: string, expiresAt: Date): void;
  clear(request: FastifyRequest, reply: FastifyReply): void;
}

export interface CookieOptions {
  /** The service's own address, as its clients know it. */
  readonly issuer: string;
  readonly isOwnPage: IsOwnPage;
}

/** Out of the reach of scripts, of plain http (browsers make an exception for localhost) and of other sites. */
const ATTRIBUTES = { httpOnly: true, secure: true, sameSite: 'strict', path: '/' } as const;

export function createRefreshCookie({ issuer, isOwnPage }: CookieOptions): RefreshCookie {
  const isHttps = (request: FastifyRequest) => request.protocol === 'https' || issuer.startsWith('https:');

  // With the prefix a browser accepts it from this very host only, so no other subdomain can plant one.
  const nameFor = (request: FastifyRequest) => (isHttps(request) ? '__Host-refresh_token' : 'refresh_token');

  return {
    // SameSite keeps other sites out, but counts every subdomain as the same site. The origin tells them apart.
    read: (request) => (isOwnPage(request) ? request.cookies[nameFor(request)] : undefined),
    set(request, reply, refreshToken, expiresAt) {
      reply.setCookie(nameFor(request), refreshToken, { ...ATTRIBUTES, expires: expiresAt });
    },
    clear(request, reply) {
      if (request.cookies[nameFor(request)] !== undefined) reply.clearCookie(nameFor(request), ATTRIBUTES);
    },
  };
}
