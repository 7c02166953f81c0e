import { getIntrospectionQuery } from 'graphql';
import { BODY_LIMIT } from '../../src/http/transport-errors';
import { repeat } from './repeat';
import { toIntrospect, toRead, toRun } from './worst-documents';

/** A request, or several in one piece, at the limits of size. */
export interface WorstRequest {
  readonly name: string;
  /** The receiving node: in production, outside production, or behind proxies known by their networks. */
  readonly to: 'production' | 'open' | 'proxied';
  /** The status of the first answer. */
  readonly status: number;
  /** Different bytes each time, because documents are remembered. */
  readonly bytes: () => string;
}

export const INTROSPECTION_SECRET = 'only for tests: 8Rk4tZ6wNq1Xc5Vb';

/** The limit on headers in bytes, less the headers of every request. */
const HEADERS = 15_500;
/** The bytes that Node reads from a connection at once. */
const PIECE = 64 * 1024;

const fill = (size: number, part: string) => part.repeat(Math.floor(size / part.length));

function request(start: string, headers: readonly string[], body = ''): string {
  return `${[start, 'host: a', ...headers, `content-length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`;
}

const LAST = 'connection: close';
const JSON_TYPE = 'content-type: application/json';
const post = (body: string, ...headers: string[]) =>
  request('POST /graphql HTTP/1.1', [JSON_TYPE, ...headers], body);

let count = 0;
/** The same document in a form that was not remembered. */
const anew = (query: string) => `${query}#${count++}`;

const graphql = (query: string, variables?: unknown) => JSON.stringify({ query, variables });

const LOGIN = 'mutation($i:LoginInput!){login(input:$i){accessToken}}';
const REGISTER = 'mutation($i:RegisterInput!){register(input:$i){accessToken}}';

/** An object with as many properties as fit into a body. */
const manyProperties = () => `{${repeat(2600, (i) => `"k${1000 + i}":1`, ',')}}`;
const withVariables = (query: string, variables: string) =>
  `{"query":${JSON.stringify(query)},"variables":${variables}}`;

function documents(authorization: string): WorstRequest[] {
  const of = (to: WorstRequest['to'], given: ReturnType<typeof toRead>): WorstRequest[] =>
    Object.entries(given).map(([name, { query, status }]) => ({
      name,
      to,
      status,
      bytes: () => post(graphql(anew(query)), authorization, LAST),
    }));
  const [aliases] = Object.values(toRun());
  const withSuggestions = Object.entries(toRead()).filter(([name]) => /conflict|unknown/.test(name));
  return [
    ...of('production', { ...toRead(), ...toRun() }),
    ...of('open', { ...toIntrospect(), ...Object.fromEntries(withSuggestions) }),
    {
      name: 'the full introspection query',
      to: 'open',
      status: 200,
      bytes: () =>
        post(graphql(anew(getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true }))), LAST),
    },
    {
      name: 'many aliases, not signed in',
      to: 'production',
      status: 200,
      bytes: () => post(graphql(anew(aliases?.query ?? '')), LAST),
    },
    {
      name: 'errors behind many lines',
      to: 'production',
      status: 400,
      // Each line break takes two bytes in JSON.
      bytes: () =>
        post(graphql(anew(`{${fill(BODY_LIMIT / 2 - 100, '\n')}${repeat(9, (i) => `x${i}`)}}`)), LAST),
    },
  ];
}

function bodies(): WorstRequest[] {
  const bodies: Record<string, [number, () => string]> = {
    'variables with many unknown properties': [400, () => withVariables(LOGIN, `{"i":${manyProperties()}}`)],
    'variables with many properties for a text': [
      400,
      () => withVariables(LOGIN, `{"i":{"password":"x","email":${manyProperties()}}}`),
    ],
    'many variables that are not asked for': [200, () => withVariables('{me{id}}', manyProperties())],
    'nested lists in variables': [
      400,
      () => withVariables(LOGIN, `{"i":{"password":"x","email":${'['.repeat(16_000)}${']'.repeat(16_000)}}}`),
    ],
    'nested objects in variables': [
      400,
      () =>
        withVariables(LOGIN, `{"i":{"password":"x","email":${'{"a":'.repeat(5300)}1${'}'.repeat(5300)}}}`),
    ],
    'a long email': [
      400,
      () => graphql(LOGIN, { i: { email: fill(BODY_LIMIT - 200, 'a@'), password: 'x' } }),
    ],
    'a long password': [
      400,
      () => graphql(LOGIN, { i: { email: 'a@example.com', password: fill(BODY_LIMIT / 4 - 100, '\ufe0f') } }),
    ],
    'a password of many names': [
      400,
      () => {
        const email = `${'abcde.'.repeat(9)}x@${'fghij.'.repeat(25)}example`;
        return graphql(REGISTER, { i: { email, password: 'abcdefghij'.repeat(12) } });
      },
    ],
    'a long refresh token': [
      401,
      () =>
        graphql('mutation($t:String){refresh(refreshToken:$t){accessToken}}', {
          t: fill(BODY_LIMIT - 200, 'x'),
        }),
    ],
    'a batch': [400, () => `[${repeat(1300, () => '{"query":"{me{id}}"}', ',')}]`],
    'a body of brackets': [400, () => '['.repeat(BODY_LIMIT - 1)],
  };
  return Object.entries(bodies).map(([name, [status, body]]) => ({
    name,
    to: 'production',
    status,
    bytes: () => post(body(), LAST),
  }));
}

function headers(): WorstRequest[] {
  const me = graphql('{me{id}}');
  const form = 'content-type: application/x-www-form-urlencoded';
  const secret = `authorization: Bearer ${INTROSPECTION_SECRET}`;
  const introspect = (body: string) => request('POST /oauth/introspect HTTP/1.1', [form, secret, LAST], body);
  const token = `${Buffer.from('{"alg":"ES256","typ":"at+jwt","kid":"x"}').toString('base64url')}.${Buffer.from('['.repeat(6000)).toString('base64url')}.x`;
  const to = 'production';
  return [
    { name: 'a long token', to, status: 401, bytes: () => post(me, `authorization: Bearer ${token}`, LAST) },
    {
      name: 'a long header for a token',
      to,
      status: 401,
      bytes: () => post(me, `authorization: Bearer${fill(HEADERS, ' ')}x y`, LAST),
    },
    {
      name: 'many cookies',
      to,
      status: 200,
      bytes: () => post(me, `cookie: ${fill(HEADERS, 'a=%41;')}`, LAST),
    },
    {
      name: 'many headers',
      to,
      status: 200,
      // From some 1000 on, newer releases of Node answer 431.
      bytes: () => post(me, ...Array.from({ length: 950 }, () => 'a:'), LAST),
    },
    {
      name: 'many types',
      to,
      status: 406,
      bytes: () => post(me, `accept: ${fill(HEADERS, 'a/b;q=0.1,')}`, LAST),
    },
    {
      name: 'many proxies',
      to: 'proxied',
      status: 200,
      bytes: () => post(me, `x-forwarded-for: ${fill(HEADERS, '::ffff:a00:1,')}`, LAST),
    },
    {
      name: 'many parameters',
      to,
      status: 400,
      bytes: () =>
        request(`GET /graphql?${fill(HEADERS, 'a&')} HTTP/1.1`, ['apollo-require-preflight: 1', LAST]),
    },
    {
      name: 'a form of many fields',
      to,
      status: 400,
      bytes: () => introspect(repeat(3000, (i) => `${i.toString(36)}=`, '&')),
    },
    {
      name: 'a form of a long token',
      to,
      status: 200,
      bytes: () => introspect(`token=${fill(16_000, '%41')}`),
    },
  ];
}

const inOnePiece = (part: () => string) => {
  const parts: string[] = [];
  for (let size = 0; size < PIECE;) {
    const next = part();
    size += next.length;
    parts.push(next);
  }
  return parts.join('');
};

/** Refused after the first answer: Node makes an error with a stack trace for each waiting request. */
export const CUT: WorstRequest = {
  name: 'requests without a host, in one piece',
  to: 'production',
  status: 400,
  bytes: () => inOnePiece(() => 'GET / HTTP/1.1\r\n\r\n'),
};

function pieces(authorization: string): WorstRequest[] {
  const [reading] = Object.values(toRead());
  const [, running] = Object.values(toRun());
  const to = 'production';
  return [
    {
      name: 'documents to be read, in one piece',
      to,
      status: 200,
      bytes: () =>
        inOnePiece(() => post(graphql(anew(reading?.query ?? '')), authorization)) + post('{}', LAST),
    },
    {
      name: 'operations to be run, in one piece',
      to,
      status: 200,
      bytes: () => inOnePiece(() => post(graphql(running?.query ?? ''), authorization)) + post('{}', LAST),
    },
    {
      name: 'short requests, in one piece',
      to,
      status: 404,
      bytes: () => inOnePiece(() => 'GET / HTTP/1.1\r\nhost:a\r\n\r\n') + post('{}', LAST),
    },
  ];
}

/** @param accessToken of an administrator with a hundred sessions */
export function worstRequests(accessToken: string): WorstRequest[] {
  const authorization = `authorization: Bearer ${accessToken}`;
  return [...documents(authorization), ...bodies(), ...headers(), ...pieces(authorization)];
}
