import type { Role } from '../core/claims';
import { forbidden, serviceUnavailable, unauthenticated } from '../core/errors';
import type { AuthResult, Principal } from './guard';

/** Throws a `TypeError` for an invalid role: a misspelt constant must not let everyone in, or nobody. */
export function checkRole(role: unknown): void {
  if (role !== 'USER' && role !== 'ADMIN') throw new TypeError("The role must be 'USER' or 'ADMIN'.");
}

/**
 * Returns the principal of a request. Throws `UNAUTHENTICATED` with the reason, `FORBIDDEN` without the role,
 * `SERVICE_UNAVAILABLE` if the token could not be checked, and a `TypeError` for an invalid role, even `undefined`.
 */
export function requireUser(context: { readonly auth: AuthResult }, ...roles: [role?: Role]): Principal {
  const { auth } = context;
  const [role] = roles;
  if (roles.length > 0) checkRole(role);
  if (!auth.ok) throw auth.code === 'SERVICE_UNAVAILABLE' ? serviceUnavailable() : unauthenticated(auth.code);
  if (role !== undefined && auth.principal.role !== role) throw forbidden(`This requires the role ${role}.`);
  return auth.principal;
}
