import type { Role } from '../core/claims';
import type { AuthResult, Guard } from './guard';
import { refusalOf } from './refusal';
import { authorizationOf, type RequestWithHeaders } from './request';
import { checkRole } from './require-user';

/** The part of a request that is used: any of Express 4 or 5, of Connect, or Node's own. */
export type ExpressRequest = RequestWithHeaders;

/** The part of a response that is used. */
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
      /** Who has not this role is answered by 403. */
      readonly role?: Role;
      readonly optional?: false;
    }
  | {
      /** Lets everyone through; what follows looks at `req.auth`, which may also say that it could not be told. */
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
    throw new TypeError('Who needs a role is not optional: leave one of the two out.');
}

/**
 * Middleware of Express: `app.use(expressGuard(guard))`. Puts the `AuthResult` on `req.auth`, and refuses the request if
 * there is no user, with a challenge (RFC 6750) and `{ error: { code, reason?, message } }`. Handlers read it with types by
 * `authOf(req)`.
 *
 * Throws a `TypeError`, when it is made, for options that will not do.
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
