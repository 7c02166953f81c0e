import type { Exchange } from './exchange';
import type { IsOwnPage } from './origin';

export interface RefreshCookie {
  /** Returns the cookie's token, if the request's origin may use it. */
  read(exchange: Exchange): string | undefined;
  set(exchange: Exchange, refreshToken: string, expiresAt: Date): void;
  clear(exchange: Exchange): void;
}

/** Keeps the cookie from scripts, plain http (browsers exempt localhost) and other sites. */
const ATTRIBUTES = 'HttpOnly; Secure; SameSite=Strict';

export function createRefreshCookie(issuer: string, isOwnPage: IsOwnPage): RefreshCookie {
  const isHttps = ({ protocol }: Exchange) => protocol === 'https' || issuer.startsWith('https:');

  // With the prefix `__Host-`, browsers accept the cookie only from this host, so no other subdomain can set it.
  const nameFor = (exchange: Exchange) => (isHttps(exchange) ? '__Host-refresh_token' : 'refresh_token');

  const set = (exchange: Exchange, value: string, expiry: string) =>
    exchange.setCookie(nameFor(exchange), `${value}; ${expiry}; Path=/; ${ATTRIBUTES}`);

  return {
    // SameSite treats every subdomain as the same site. The origin tells them apart.
    read: (exchange) =>
      isOwnPage({ headers: exchange.request.headers, protocol: exchange.protocol })
        ? exchange.cookie(nameFor(exchange))
        : undefined,
    set: (exchange, refreshToken, expiresAt) =>
      set(exchange, refreshToken, `Expires=${expiresAt.toUTCString()}`),
    clear(exchange) {
      if (exchange.cookie(nameFor(exchange)) !== undefined)
        set(exchange, '', `Max-Age=0; Expires=${new Date(0).toUTCString()}`);
    },
  };
}
