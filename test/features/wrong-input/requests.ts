import { generateKeyPairSync, sign } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { Tokens } from '../../support/api';

/** A request over plain HTTP. */
interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** The users that exist before the wrong requests. */
export interface Given {
  readonly user: Tokens;
  readonly admin: Tokens;
}

/** A wrong request, or how to make it with the tokens of the users. */
type Wrong = Sent | ((given: Given) => Sent);

export type Case = [name: string, wrong: Wrong, status: number, code: string];

/** Requests that are all refused with this status and code. */
export const refused = (status: number, code: string, wrong: Record<string, Wrong>): Case[] =>
  Object.entries(wrong).map(([name, request]) => [name, request, status, code]);

/** Requests that differ in one value, with names that begin the same. */
export const each = <Value>(start: string, values: Record<string, Value>, wrong: (value: Value) => Wrong) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${start} ${name}`, wrong(value)]));

/** Every password sent here contains one of these, so an answer or log line that repeats one is found. */
export const SECRET = 'Zebra7Quartz';
export const SHORT_SECRET = 'zq7xkvw';
export const COMMON_SECRET = 'sunshine';

export const NOBODY = '00000000-0000-4000-8000-000000000000';

/** Sends plain HTTP. `fetch` would correct some requests. */
export const send = (
  url: string,
  { method = 'POST', path = '/graphql', headers, body }: Sent,
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.setTimeout(10_000, () => request.destroy(new Error('No answer came.')));
    request.on('error', reject);
    // Without a length Node sends the body of some methods like a second request.
    if (body !== undefined) request.setHeader('content-length', Buffer.byteLength(body));
    request.end(body);
  });

/** Sends bytes that need not be HTTP. */
export const sendBytes = (url: string, bytes: string): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let answer = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('No answer came.')));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', text = ''] = answer.split('\r\n\r\n');
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
        type: /^content-type: *(.*)$/im.exec(head)?.[1] ?? '',
        text,
      });
    });
  });

const JSON_TYPE = { 'content-type': 'application/json' };

export const raw = (body: string | Buffer, headers: Record<string, string> = {}): Sent => ({
  headers: { ...JSON_TYPE, ...headers },
  body,
});
export const post = (body: unknown, headers?: Record<string, string>) => raw(JSON.stringify(body), headers);
export const ask = (query: string, variables?: unknown, headers?: Record<string, string>) =>
  post({ query, variables }, headers);
const bearer = ({ accessToken }: Tokens) => ({ authorization: `Bearer ${accessToken}` });
export const asAdmin = (query: string, variables?: unknown) => (given: Given) =>
  ask(query, variables, bearer(given.admin));
export const asUser = (query: string, variables?: unknown) => (given: Given) =>
  ask(query, variables, bearer(given.user));
export const get = (parameters: Record<string, string>, headers?: Record<string, string>): Sent => ({
  method: 'GET',
  path: `/graphql?${new URLSearchParams(parameters).toString()}`,
  // Without this header Apollo refuses any request that a page of another site could send.
  headers: { 'apollo-require-preflight': 'yes', ...headers },
});
export const ME = '{ me { id } }';
export const me = (authorization: string) => ask(ME, {}, { authorization });
export const register = (input: unknown) =>
  ask('mutation($input: RegisterInput!) { register(input: $input) { accessToken } }', { input });
export const login = (input: unknown) =>
  ask('mutation($input: LoginInput!) { login(input: $input) { accessToken } }', { input });
export const refresh = (token: unknown, headers?: Record<string, string>) =>
  ask('mutation($token: String) { refresh(refreshToken: $token) { accessToken } }', { token }, headers);
export const withCookie = (cookie: string, headers: Record<string, string> = {}) =>
  ask('mutation { refresh { accessToken } }', {}, { cookie, ...headers });

export const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
export const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
const STRANGER = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** The user's token with a changed header or payload, signed with another key. */
export const forge =
  (header: (good: Record<string, unknown>) => unknown, payload: (good: Record<string, unknown>) => unknown) =>
  ({ user }: Given) => {
    const [head, body] = user.accessToken.split('.');
    const signed = `${encode(header(decode(head)))}.${encode(payload(decode(body)))}`;
    const signature = sign('sha256', Buffer.from(signed), { key: STRANGER, dsaEncoding: 'ieee-p1363' });
    return me(`Bearer ${signed}.${signature.toString('base64url')}`);
  };
export const same = (good: unknown) => good;
export const halfOf = (token: string) => token.slice(0, token.length / 2);
