import type { IncomingMessage } from 'node:http';
import type { AuthResult, Guard } from '../guard/guard';
import { refusalOf } from '../guard/refusal';
import { authorizationOf } from '../guard/request';
import { type AnyRole, needsIn } from './needs';

/** The answer to a check, for any server. */
export interface VerifyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty, or JSON. */
  readonly body: string;
}

/**
 * Answers a check. Rejects only for an unexpected error, which must be answered with 500.
 *
 * @param url the URL of the request, without what an application has put before `/verify`
 */
export type Verify = (request: IncomingMessage, url: string) => Promise<VerifyAnswer>;

/** A cached answer would outlive a logout. */
const NO_STORE = 'no-store';

function refused(status: number, json: object, headers: Readonly<Record<string, string>>): VerifyAnswer {
  const body = JSON.stringify(json);
  const length = String(Buffer.byteLength(body));
  return { status, headers: { ...headers, 'cache-control': NO_STORE, 'content-length': length }, body };
}

/** Creates an answer of HTTP itself, in the form of the guard's. */
export const failed = (status: number, code: string, message: string): VerifyAnswer =>
  refused(status, { error: { code, message } }, { 'content-type': 'application/json; charset=utf-8' });

/**
 * Creates the check that proxies ask for: the token of the request's `Authorization` header, and what the query requires.
 * It reads neither the method nor the body.
 */
export function createVerify(guard: Guard): Verify {
  return async (request, url) => {
    const needs = needsIn(url);
    if (typeof needs === 'string') return failed(400, 'BAD_REQUEST', needs);
    const auth = await guard.authenticate(authorizationOf(request));
    const refusal = refusalOf(auth as AuthResult<AnyRole>, ...needs);
    if (refusal) return refused(refusal.status, refusal.body, refusal.headers);
    // `refusalOf` refuses it.
    if (!auth.ok) throw new Error('A request without a user was not refused.');
    const { userId, sessionId, tokenId, role } = auth.principal;
    return {
      status: 200,
      headers: {
        'x-auth-user-id': userId,
        'x-auth-session-id': sessionId,
        'x-auth-token-id': tokenId,
        'x-auth-role': role,
        'cache-control': NO_STORE,
        'content-length': '0',
      },
      body: '',
    };
  };
}
