import type { Role } from '../core/claims';
import type { AuthResult, Guard } from './guard';
import { refusalOf } from './refusal';
import { authorizationOf, type RequestWithHeaders } from './request';
import { checkRole } from './require-user';

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

export type ExpressGuardOptions =
  | {
      /** The role that users must have; others get 403. */
      readonly role?: Role;
      readonly optional?: false;
    }
  | {
      /** Refuses no request. Handlers must look at `req.auth`, which may be `SERVICE_UNAVAILABLE`. */
      readonly optional: true;
      readonly role?: undefined;
    };

function checkOptions(options: object): void {
  const unknown = Object.keys(options).find((name) => name !== 'role' && name !== 'optional');
  if (unknown !== undefined) throw new TypeError(`expressGuard has no option ${unknown}.`);
  const { role, optional } = options as { role?: unknown; optional?: unknown };
  if ('role' in options && !(optional === true && role === undefined)) checkRole(role);
  if (optional !== undefined && typeof optional !== 'boolean')
    throw new TypeError('optional must be true or false.');
  if (optional === true && role !== undefined)
    throw new TypeError('role and optional: true exclude each other: leave one of the two out.');
}

/**
 * Creates Express middleware that sets `req.auth`; read it with `authOf(req)`. A request without a user gets 401, 403
 * or 503 with `{ error: { code, reason?, message } }` and a challenge (RFC 6750, section 3).
 *
 * @throws TypeError for invalid options, at once
 * @example
 * app.use('/admin', expressGuard(guard, { role: 'ADMIN' }));
 */
export function expressGuard(guard: Guard, options: ExpressGuardOptions = {}): ExpressMiddleware {
  checkOptions(options);
  const { role, optional = false } = options;
  const roles: [] | [Role] = role === undefined ? [] : [role];

  const refuse = (response: ExpressResponse, auth: AuthResult): boolean => {
    const refusal = optional ? undefined : refusalOf(auth, ...roles);
    if (!refusal) return false;
    response.statusCode = refusal.status;
    for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value);
    response.end(JSON.stringify(refusal.body));
    return true;
  };

  return (request, response, next) => {
    const serve = async () => {
      const auth = await guard.authenticate(authorizationOf(request));
      (request as { auth?: AuthResult }).auth = auth;
      if (!refuse(response, auth)) next();
    };
    serve().catch(next);
  };
}
