/** Every code that a client can meet, with the HTTP status that goes with it. */
export const ERROR_STATUS = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  INVALID_CREDENTIALS: 401,
  REFRESH_TOKEN_INVALID: 401,
  REFRESH_TOKEN_REUSED: 401,
  NOT_FOUND: 404,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  SERVICE_UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** Why a request counts as not signed in. */
export type UnauthenticatedReason = 'TOKEN_MISSING' | 'TOKEN_INVALID' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED';

/** What a caller is told beside the code and the sentence. */
export interface ErrorDetails {
  readonly reason?: UnauthenticatedReason;
  /** Whole seconds until another attempt makes sense. */
  readonly retryAfter?: number;
}

/**
 * A fault that has a stable code. Its message is written for the caller and may be shown to them; what must not be
 * shown goes into `cause`.
 */
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

const REASON_TEXT: Record<UnauthenticatedReason, string> = {
  TOKEN_MISSING: 'Sign in: send "Authorization: Bearer <access token>".',
  TOKEN_INVALID: 'The access token is not one that this service accepts. Sign in again.',
  TOKEN_EXPIRED: 'The access token has expired. Get a new one with refresh.',
  TOKEN_REVOKED: 'The access token has been revoked. Sign in again.',
};

export const unauthenticated = (reason: UnauthenticatedReason) =>
  new TokenfenceError('UNAUTHENTICATED', REASON_TEXT[reason], { reason });

export const forbidden = (message: string) => new TokenfenceError('FORBIDDEN', message);

export const badUserInput = (message: string) => new TokenfenceError('BAD_USER_INPUT', message);

/** One text for an unknown account, a wrong password and a disabled user: the answer must not tell which. */
export const invalidCredentials = () =>
  new TokenfenceError('INVALID_CREDENTIALS', 'The email or the password is not right.');

export const refreshTokenInvalid = () =>
  new TokenfenceError(
    'REFRESH_TOKEN_INVALID',
    'The refresh token is unknown or its session has ended. Sign in again.',
  );

export const refreshTokenReused = () =>
  new TokenfenceError(
    'REFRESH_TOKEN_REUSED',
    'This refresh token was used before, so its session has been ended for safety. Sign in again.',
  );

export const notFound = (what: string) => new TokenfenceError('NOT_FOUND', `There is no such ${what}.`);

export const conflict = (message: string) => new TokenfenceError('CONFLICT', message);

/** @param retryAfter s */
export const rateLimited = (retryAfter: number) =>
  new TokenfenceError('RATE_LIMITED', `Too many attempts. Try again in ${retryAfter} s.`, { retryAfter });

/** @param cause what really happened; for the log, never for the caller */
export const serviceUnavailable = (cause?: unknown) =>
  new TokenfenceError(
    'SERVICE_UNAVAILABLE',
    'This cannot be answered right now, because a store is away. Try again shortly.',
    { retryAfter: 1 },
    cause,
  );

/**
 * More work waits than can be done in time.
 *
 * @param retryAfter s
 */
export const overloaded = (retryAfter: number) =>
  new TokenfenceError(
    'SERVICE_UNAVAILABLE',
    `Too many requests are waiting for this. Try again in ${retryAfter} s.`,
    { retryAfter },
  );

/** The request was given up before its work began: its client has gone, or its time is over. */
export const abandoned = () =>
  new TokenfenceError('SERVICE_UNAVAILABLE', 'The request was given up before its turn came.', {
    retryAfter: 1,
  });

/** The operation was given up before this part of it began, or had an answer. */
export const tookTooLong = () =>
  new TokenfenceError(
    'SERVICE_UNAVAILABLE',
    'This operation takes too long. Ask for less at a time, or try again shortly.',
    { retryAfter: 1 },
  );

export const isUnavailable = (error: unknown): error is TokenfenceError =>
  error instanceof TokenfenceError && error.code === 'SERVICE_UNAVAILABLE';
