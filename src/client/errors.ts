export interface ErrorDetails {
  /** A code of the API, or `UNREACHABLE`: there was no answer of the auth server. */
  readonly code: string;
  /** Why the code is `UNAUTHENTICATED`: `TOKEN_EXPIRED`, for example. */
  readonly reason?: string | undefined;
  /** How many seconds to wait, if the server says so. */
  readonly retryAfter?: number | undefined;
}

/** A refusal of the auth server, or a sign that it cannot be reached. */
export class SessionError extends Error implements ErrorDetails {
  override readonly name = 'SessionError';
  readonly code: string;
  readonly reason: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(message: string, { code, reason, retryAfter }: ErrorDetails, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

export const unreachable = (cause: unknown): SessionError =>
  new SessionError('The auth server cannot be reached.', { code: 'UNREACHABLE' }, cause);
