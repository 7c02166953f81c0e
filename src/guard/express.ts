import type { RoleOf, Shape } from '../core/shape';
import type { AuthResult, Guard } from './guard';
import { refusalOf } from './refusal';
import { authorizationOf, type RequestWithHeaders } from './request';
import { readRequirement, type Requirements } from './require-user';

/** A request of Express 4 or 5, Connect or Node. */
export type ExpressRequest = RequestWithHeaders;

/** A response of Express 4 or 5, Connect or Node. */
export interface ExpressResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

export type ExpressMiddleware = (
  request: ExpressRequest,
  response: ExpressResponse,
  next: (error?: unknown) => void,
) => void;

export type ExpressGuardOptions<S extends Shape = Shape> =
  | {
      /** The role that users must have; others get 403. */
      readonly role?: RoleOf<S>;
      /** s since the user signed in or confirmed the password; older gets 401. */
      readonly maxAge?: number;
      readonly optional?: false;
    }
  | {
      /** Refuses no request. Handlers must look at `req.auth`, which may be `SERVICE_UNAVAILABLE`. */
      readonly optional: true;
      readonly role?: undefined;
      readonly maxAge?: undefined;
    };

/** Returns what is required, if anything. Throws a `TypeError` for invalid options. */
function requirementsIn<S extends Shape>(options: ExpressGuardOptions<S>): Requirements<S> {
  const { optional, ...requirement } = options;
  if (optional !== undefined && typeof optional !== 'boolean')
    throw new TypeError('optional must be true or false.');
  // With `optional: true`, an explicit `undefined` is allowed: nothing is required.
  const isEmpty = Object.values(requirement).every((value) => optional === true && value === undefined);
  if (isEmpty) return [];
  readRequirement(requirement);
  if (optional === true)
    throw new TypeError('optional: true excludes role and maxAge: leave one of the two out.');
  return [requirement];
}

/**
 * Creates Express middleware that sets `req.auth`; read it with `authOf(req)`. A request without a user gets 401, 403
 * or 503 with `{ error: { code, reason?, message } }` and a challenge (RFC 6750, section 3).
 *
 * @throws TypeError for invalid options, at once
 * @example
 * app.use('/admin', expressGuard(guard, { role: 'ADMIN' }));
 */
export function expressGuard<S extends Shape>(
  guard: Guard<S>,
  options: ExpressGuardOptions<S> = {},
): ExpressMiddleware {
  const requirements = requirementsIn(options);
  const { optional = false } = options;

  const refuse = (response: ExpressResponse, auth: AuthResult<S>): boolean => {
    const refusal = optional ? undefined : refusalOf(auth, ...requirements);
    if (!refusal) return false;
    response.statusCode = refusal.status;
    for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value);
    response.end(JSON.stringify(refusal.body));
    return true;
  };

  return (request, response, next) => {
    const serve = async () => {
      const auth = await guard.authenticate(authorizationOf(request));
      (request as { auth?: AuthResult<S> }).auth = auth;
      if (!refuse(response, auth)) next();
    };
    serve().catch(next);
  };
}
