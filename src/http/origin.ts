import type { IncomingHttpHeaders } from 'node:http';
import type { AppOptions } from './app-options';

/** Whether the request's `Origin`, if it has one, is the service's own or an allowed one. */
export type IsOwnPage = (request: {
  readonly headers: IncomingHttpHeaders;
  readonly protocol: string;
}) => boolean;

export function createOriginCheck({
  issuer,
  corsOrigins,
}: Pick<AppOptions, 'issuer' | 'corsOrigins'>): IsOwnPage {
  const allowed = new Set([new URL(issuer).origin, ...corsOrigins]);
  return ({ headers: { origin, host }, protocol }) =>
    origin === undefined || origin === `${protocol}://${host ?? ''}` || allowed.has(origin);
}
