import { authenticationTooOld, forbidden, serviceUnavailable, unauthenticated } from '../core/errors';
import { isRole, type Requirement, type Shape } from '../core/shape';
import { authAgeOf } from './auth-age';
import type { AuthResult, Principal } from './guard';

/** Nothing, or one requirement. An explicit `undefined` is a mistake. */
export type Requirements<S extends Shape = Shape> = [requirement?: Requirement<S>];

interface Needs {
  readonly role?: string;
  /** s */
  readonly maxAge?: number;
}

/**
 * Reads a requirement. Throws a `TypeError` for an invalid one: a misspelt constant must not let everyone in, or nobody.
 */
export function readRequirement(requirement: unknown): Needs {
  const needs = typeof requirement === 'object' && requirement !== null ? requirement : { role: requirement };
  const unknown = Object.keys(needs).find((name) => name !== 'role' && name !== 'maxAge');
  if (unknown !== undefined)
    throw new TypeError(`A requirement has no option ${unknown}: name role, maxAge or both.`);
  if (Object.keys(needs).length === 0) throw new TypeError('Name what is required: role, maxAge or both.');
  const { role, maxAge } = needs as { role?: unknown; maxAge?: unknown };
  if ('role' in needs && !isRole(role))
    throw new TypeError("The role must be capital letters, digits and underscores, like 'ADMIN'.");
  if ('maxAge' in needs && !(typeof maxAge === 'number' && maxAge > 0 && Number.isFinite(maxAge)))
    throw new TypeError('maxAge must be a number of seconds above 0.');
  return needs;
}

/**
 * Returns the principal of a request. Throws `UNAUTHENTICATED` with the reason, `FORBIDDEN` without the role,
 * `INSUFFICIENT_USER_AUTHENTICATION` if the password was proved too long ago, `SERVICE_UNAVAILABLE` if the token could
 * not be checked, and a `TypeError` for an invalid requirement, even `undefined`.
 */
export function requireUser<S extends Shape = Shape>(
  context: { readonly auth: AuthResult<S> },
  ...requirements: Requirements<S>
): Principal<S> {
  const { auth } = context;
  const { role, maxAge }: Needs = requirements.length > 0 ? readRequirement(requirements[0]) : {};
  if (!auth.ok) throw auth.code === 'SERVICE_UNAVAILABLE' ? serviceUnavailable() : unauthenticated(auth.code);
  if (role !== undefined && auth.principal.role !== role) throw forbidden(`This requires the role ${role}.`);
  // Last: who lacks the role is not asked for the password.
  if (maxAge !== undefined && authAgeOf(auth.principal.token) > maxAge * 1000)
    throw authenticationTooOld(maxAge);
  return auth.principal;
}
