import type { Role } from '../core/claims';
import { forbidden, serviceUnavailable, unauthenticated } from '../core/errors';
import type { AuthResult, Principal } from './guard';

/**
 * The principal of a request, or the error that tells its client why there is none: `UNAUTHENTICATED` with the reason,
 * `FORBIDDEN` without the role, `SERVICE_UNAVAILABLE` when it could not be told.
 */
export function requireUser(context: { readonly auth: AuthResult }, role?: Role): Principal {
  const { auth } = context;
  if (!auth.ok) throw auth.code === 'SERVICE_UNAVAILABLE' ? serviceUnavailable() : unauthenticated(auth.code);
  if (role !== undefined && auth.principal.role !== role) throw forbidden(`This needs the role ${role}.`);
  return auth.principal;
}
