/** The error codes of the API, each with its HTTP status. */
export const ERROR_STATUS = {
  UNAUTHENTICATED: 401,
  INSUFFICIENT_USER_AUTHENTICATION: 401,
  FORBIDDEN: 403,
  EMAIL_NOT_VERIFIED: 403,
  REGISTRATION_CLOSED: 403,
  BAD_USER_INPUT: 400,
  LINK_INVALID: 400,
  INVALID_CREDENTIALS: 401,
  REFRESH_TOKEN_INVALID: 401,
  REFRESH_TOKEN_REUSED: 401,
  NOT_FOUND: 404,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  SERVICE_UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
  MAIL_NOT_CONFIGURED: 501,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** Why a request is not authenticated. */
export type UnauthenticatedReason = 'TOKEN_MISSING' | 'TOKEN_INVALID' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED';

/** What clients get besides the code and the message. */
export interface ErrorDetails {
  readonly reason?: UnauthenticatedReason;
  /** s until a retry makes sense, a whole number. */
  readonly retryAfter?: number;
  /** s since the user last proved the password: more than this is too long. */
  readonly maxAge?: number;
}

/** An error with a stable code. Clients see its message; what they must not see goes into `cause`. */
export class TokenfenceError extends Error {
  override readonly name = 'TokenfenceError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/** Carries what a hook of the application threw out of its transaction, past what judges the errors of the stores. */
export class HookError extends Error {
  override readonly name = 'HookError';

  constructor(hook: string, cause: unknown) {
    super(`The hook ${hook} failed`, { cause });
  }
}

const REASON_TEXT: Record<UnauthenticatedReason, string> = {
  TOKEN_MISSING: 'Sign in: send "Authorization: Bearer <access token>".',
  TOKEN_INVALID: 'The access token is invalid. Sign in again.',
  TOKEN_EXPIRED: 'The access token has expired. Get a new one with refresh.',
  TOKEN_REVOKED: 'The access token has been revoked. Sign in again.',
};

export const unauthenticated = (reason: UnauthenticatedReason) =>
  new TokenfenceError('UNAUTHENTICATED', REASON_TEXT[reason], { reason });

/** The token is good, but the password was proved too long ago (RFC 9470). @param maxAge s */
export const authenticationTooOld = (maxAge: number) =>
  new TokenfenceError(
    'INSUFFICIENT_USER_AUTHENTICATION',
    'Confirm the password: this needs a more recent sign-in.',
    { maxAge },
  );

export const forbidden = (message: string) => new TokenfenceError('FORBIDDEN', message);

export const badUserInput = (message: string) => new TokenfenceError('BAD_USER_INPUT', message);

/** An unknown account, a wrong password and a disabled user get the same text: clients must not learn which. */
export const invalidCredentials = () =>
  new TokenfenceError('INVALID_CREDENTIALS', 'Wrong email or password.');

export const refreshTokenInvalid = () =>
  new TokenfenceError(
    'REFRESH_TOKEN_INVALID',
    'The refresh token is unknown or its session has ended. Sign in again.',
  );

export const refreshTokenReused = () =>
  new TokenfenceError(
    'REFRESH_TOKEN_REUSED',
    'The refresh token was already used, so its session was ended. Sign in again.',
  );

/** One text for a link that was used, has expired, was superseded or is forged: clients must not learn which. */
export const linkInvalid = () =>
  new TokenfenceError('LINK_INVALID', 'This link is no longer valid. Request a new one.');

/** The same for a new address and a taken one: clients must not learn which. */
export const emailNotVerified = () =>
  new TokenfenceError('EMAIL_NOT_VERIFIED', 'Verify the email address first: open the link in the mail.');

export const registrationClosed = () =>
  new TokenfenceError('REGISTRATION_CLOSED', 'Accounts are created by invitation. Ask an administrator.');

export const mailNotConfigured = () =>
  new TokenfenceError('MAIL_NOT_CONFIGURED', 'This server sends no mail. Its operator can set SMTP_URL.');

export const isNotFound = (error: unknown): error is TokenfenceError =>
  error instanceof TokenfenceError && error.code === 'NOT_FOUND';

export const notFound = (what: string) => new TokenfenceError('NOT_FOUND', `The ${what} was not found.`);

export const conflict = (message: string) => new TokenfenceError('CONFLICT', message);

/** @param retryAfter s */
export const rateLimited = (retryAfter: number) =>
  new TokenfenceError('RATE_LIMITED', `Too many attempts. Try again in ${retryAfter} s.`, { retryAfter });

/** @param retryAfter s */
const unavailable = (message: string, retryAfter = 1, cause?: unknown) =>
  new TokenfenceError('SERVICE_UNAVAILABLE', message, { retryAfter }, cause);

/** @param cause the underlying error: logged, never sent to clients */
export const serviceUnavailable = (cause?: unknown) =>
  unavailable('Temporarily unavailable: a data store cannot be reached. Try again shortly.', 1, cause);

/** @param retryAfter s */
export const overloaded = (retryAfter: number) =>
  unavailable(`Overloaded: too many requests are waiting. Try again in ${retryAfter} s.`, retryAfter);

/** Dropped before its work began: the client disconnected, or the deadline passed. */
export const abandoned = () => unavailable('The request was dropped while it waited. Try again.');

/** The deadline of the operation passed before this part of it began or finished. */
export const tookTooLong = () =>
  unavailable('The operation timed out. Request less at a time, or try again shortly.');

export const isUnavailable = (error: unknown): error is TokenfenceError =>
  error instanceof TokenfenceError && error.code === 'SERVICE_UNAVAILABLE';
