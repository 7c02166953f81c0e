import { request } from 'node:http';
import type { TellingGuard } from '../../../src/guard/graphql-ws';

/** What a service may be asked for: by any user, by administrators only. */
export type Want = 'user' | 'admin';

/** A small service behind one adapter. */
export interface Service {
  /** Asks with each of these as an `Authorization`, and tells what a client gets to see: `{ userId }` if it is let in. */
  ask(authorizations: readonly string[], want?: Want): Promise<object>;
  close(): Promise<unknown>;
}

export type Refused =
  'TOKEN_MISSING' | 'TOKEN_INVALID' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED' | 'FORBIDDEN' | 'SERVICE_UNAVAILABLE';

export interface Adapter {
  readonly name: string;
  /** What a client sees of each refusal, and of a guard that fails unexpectedly. */
  readonly sees: Readonly<Record<Refused | 'FAULT', object>>;
  start(guard: TellingGuard): Promise<Service>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** One request, with a header as often as it is given: `fetch` would make one of two. */
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
