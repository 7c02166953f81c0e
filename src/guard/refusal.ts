import type { Role } from '../core/claims';
import { type ErrorCode, TokenfenceError, type UnauthenticatedReason } from '../core/errors';
import type { AuthResult } from './guard';
import { requireUser } from './require-user';

/** An HTTP response that refuses a request, for any framework. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly error: {
      readonly code: ErrorCode;
      readonly reason?: UnauthenticatedReason;
      readonly message: string;
    };
  };
}

/** Returns the challenge (RFC 6750, section 3). A request without a token gets no error code. */
function challengeFor({ code, details: { reason } }: TokenfenceError): string | undefined {
  if (code === 'FORBIDDEN') return 'Bearer error="insufficient_scope"';
  if (code !== 'UNAUTHENTICATED') return undefined;
  return reason === 'TOKEN_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"';
}

/** Returns the response that refuses the request, or undefined if it may be served. */
export function refusalOf(auth: AuthResult, ...roles: [role?: Role]): Refusal | undefined {
  try {
    requireUser({ auth }, ...roles);
    return undefined;
  } catch (error) {
    if (!(error instanceof TokenfenceError)) throw error;
    const { status, code, message, details } = error;
    const challenge = challengeFor(error);
    return {
      status,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        ...(challenge !== undefined && { 'www-authenticate': challenge }),
        ...(details.retryAfter !== undefined && { 'retry-after': String(details.retryAfter) }),
      },
      body: { error: { code, ...(details.reason && { reason: details.reason }), message } },
    };
  }
}
