import type { Role } from '../core/claims';
import { forbidden, serviceUnavailable, unauthenticated } from '../core/errors';
import type { AuthResult, Principal } from './guard';

/**
 * Throws a `TypeError` for what is no role. A slip, such as the name of a constant that is not there, would otherwise let
 * everyone in, or nobody.
 */
export function checkRole(role: unknown): void {
  if (role !== 'USER' && role !== 'ADMIN') throw new TypeError("The role must be 'USER' or 'ADMIN'.");
}

/**
 * The principal of a request, or the error that tells its client why there is none: `UNAUTHENTICATED` with the reason,
 * `FORBIDDEN` without the role, `SERVICE_UNAVAILABLE` when it could not be told. Throws a `TypeError` for a role that is
 * given and is none, `undefined` too.
 */
export function requireUser(context: { readonly auth: AuthResult }, ...roles: [role?: Role]): Principal {
  const { auth } = context;
  const [role] = roles;
  if (roles.length > 0) checkRole(role);
  if (!auth.ok) throw auth.code === 'SERVICE_UNAVAILABLE' ? serviceUnavailable() : unauthenticated(auth.code);
  if (role !== undefined && auth.principal.role !== role) throw forbidden(`This needs the role ${role}.`);
  return auth.principal;
}
