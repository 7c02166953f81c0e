import { request } from 'node:http';
import type { TellingGuard } from '../../../src/guard/graphql-ws';

/** The questions to a service: for any user, for administrators, and for who signed in within 5 minutes. */
export type Want = 'user' | 'admin' | 'recent';

export const RECENT = { maxAge: 300 };

/** A small service behind one adapter. */
export interface Service {
  /** Asks with each of these as an `Authorization`. Resolves with what the client sees: `{ userId }` if accepted. */
  ask(authorizations: readonly string[], want?: Want): Promise<object>;
  close(): Promise<unknown>;
}

export type Refused =
  | 'TOKEN_MISSING'
  | 'TOKEN_INVALID'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_REVOKED'
  | 'FORBIDDEN'
  | 'TOO_OLD'
  | 'SERVICE_UNAVAILABLE';

export interface Adapter {
  readonly name: string;
  /** The client's view of each refusal, and of a guard that fails unexpectedly. */
  readonly sees: Readonly<Record<Refused | 'FAULT', object>>;
  start(guard: TellingGuard): Promise<Service>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** Sends a request with repeated headers, which `fetch` would join. */
export function send(
  url: string,
  authorizations: readonly string[],
  { method = 'GET', body = '' } = {},
): Promise<HttpAnswer> {
  const { host } = new URL(url);
  const headers = ['host', host, ...authorizations.flatMap((value) => ['Authorization', value])];
  if (body !== '')
    headers.push('content-type', 'application/json', 'content-length', String(Buffer.byteLength(body)));
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
