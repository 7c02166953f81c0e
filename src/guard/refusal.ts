import { TokenfenceError } from '../core/errors';
import type { Shape } from '../core/shape';
import type { AuthResult } from './guard';
import { requireUser, type Requirements } from './require-user';

/** Returns the challenge (RFC 6750, section 3; RFC 9470, section 3). A request without a token gets no error code. */
function challengeFor({ code, details: { reason, maxAge } }: TokenfenceError): string | undefined {
  if (code === 'FORBIDDEN') return 'Bearer error="insufficient_scope"';
  if (code === 'INSUFFICIENT_USER_AUTHENTICATION')
    return `Bearer error="insufficient_user_authentication", max_age="${maxAge}"`;
  if (code !== 'UNAUTHENTICATED') return undefined;
  return reason === 'TOKEN_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"';
}

/** Returns the HTTP response that refuses the request, for any framework, or undefined if it may be served. */
export function refusalOf<S extends Shape>(auth: AuthResult<S>, ...requirements: Requirements<S>) {
  try {
    requireUser({ auth }, ...requirements);
    return undefined;
  } catch (error) {
    if (!(error instanceof TokenfenceError)) throw error;
    const { status, code, message, details } = error;
    const { reason, retryAfter, maxAge } = details;
    const challenge = challengeFor(error);
    const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
    if (challenge !== undefined) headers['www-authenticate'] = challenge;
    if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
    return {
      status,
      headers,
      body: { error: { code, ...(reason && { reason }), ...(maxAge && { maxAge }), message } },
    };
  }
}
