import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { ADMIN, type Tokens } from '../support/api';
import { createWorld, type TestNode, type World } from '../support/world';

interface Wrong {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** The users that exist before the wrong requests. */
interface Given {
  readonly user: Tokens;
  readonly admin: Tokens;
}

type Case = [name: string, wrong: (given: Given) => Wrong, status: number, code: string];

/** Every password sent here contains one of these, so an answer or log line that repeats one is found. */
const SECRET = 'Zebra7Quartz';
const SHORT_SECRET = 'zq7xkvw';
const COMMON_SECRET = 'sunshine';

const NOBODY = '00000000-0000-4000-8000-000000000000';

/** Sends plain HTTP. `fetch` would correct some requests. */
const send = (url: string, { method = 'POST', path = '/graphql', headers, body }: Wrong): Promise<Reply> =>
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
const sendBytes = (url: string, bytes: string): Promise<Reply> =>
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

const raw = (body: string | Buffer, headers: Record<string, string> = {}): Wrong => ({
  headers: { ...JSON_TYPE, ...headers },
  body,
});
const post = (body: unknown, headers?: Record<string, string>) => raw(JSON.stringify(body), headers);
const ask = (query: string, variables?: unknown, headers?: Record<string, string>) =>
  post({ query, variables }, headers);
const bearer = ({ accessToken }: Tokens) => ({ authorization: `Bearer ${accessToken}` });
const asAdmin = (query: string, variables?: unknown) => (given: Given) =>
  ask(query, variables, bearer(given.admin));
const asUser = (query: string, variables?: unknown) => (given: Given) =>
  ask(query, variables, bearer(given.user));
const get = (parameters: Record<string, string>, headers?: Record<string, string>) => (): Wrong => ({
  method: 'GET',
  path: `/graphql?${new URLSearchParams(parameters).toString()}`,
  // Without this header Apollo refuses any request that a page of another site could send.
  headers: { 'apollo-require-preflight': 'yes', ...headers },
});
const ME = '{ me { id } }';
const me = (authorization: string) => ask(ME, {}, { authorization });
const register = (input: unknown) =>
  ask('mutation($input: RegisterInput!) { register(input: $input) { accessToken } }', { input });
const login = (input: unknown) =>
  ask('mutation($input: LoginInput!) { login(input: $input) { accessToken } }', { input });
const refresh = (token: unknown, headers?: Record<string, string>) =>
  ask('mutation($token: String) { refresh(refreshToken: $token) { accessToken } }', { token }, headers);
const withCookie = (cookie: string, headers: Record<string, string> = {}) =>
  ask('mutation { refresh { accessToken } }', {}, { cookie, ...headers });
const many = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i));

const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
const STRANGER = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** The user's token with a changed header or payload, signed with another key. */
const forge =
  (header: (good: Record<string, unknown>) => unknown, payload: (good: Record<string, unknown>) => unknown) =>
  ({ user }: Given) => {
    const [head, body] = user.accessToken.split('.');
    const signed = `${encode(header(decode(head)))}.${encode(payload(decode(body)))}`;
    const signature = sign('sha256', Buffer.from(signed), { key: STRANGER, dsaEncoding: 'ieee-p1363' });
    return me(`Bearer ${signed}.${signature.toString('base64url')}`);
  };
const same = (good: unknown) => good;

const TRANSPORT: Case[] = [
  ['an empty body', () => raw(''), 400, 'BAD_REQUEST'],
  ['no body and no content type', () => ({}), 400, 'BAD_REQUEST'],
  ['half a JSON document', () => raw('{"query": "{ me'), 400, 'BAD_REQUEST'],
  ['text that is not JSON', () => raw(`password=${SECRET}`), 400, 'BAD_REQUEST'],
  [
    'JSON with a byte order mark in the middle',
    () => raw('{"query":\uFEFF"{ me { id } }"}'),
    400,
    'BAD_REQUEST',
  ],
  ['bytes that are not UTF-8', () => raw(Buffer.from([0xff, 0xfe, 0x00, 0x80])), 400, 'BAD_REQUEST'],
  ['nothing but null bytes', () => raw('\0'.repeat(64)), 400, 'BAD_REQUEST'],
  ['30,000 open brackets', () => raw('['.repeat(30_000)), 400, 'BAD_REQUEST'],
  ['the JSON null', () => raw('null'), 400, 'BAD_REQUEST'],
  ['a JSON number', () => raw('42'), 400, 'BAD_REQUEST'],
  ['a JSON string', () => raw('"{ me { id } }"'), 400, 'BAD_REQUEST'],
  ['an empty object', () => post({}), 400, 'BAD_REQUEST'],
  ['an object without a query', () => post({ variables: {} }), 400, 'BAD_REQUEST'],
  ['an empty query', () => ask(''), 400, 'BAD_REQUEST'],
  ['an array of requests', () => post([{ query: ME }, { query: ME }]), 400, 'BAD_REQUEST'],
  ['an empty array', () => post([]), 400, 'BAD_REQUEST'],
  ['a query that is a number', () => post({ query: 42 }), 400, 'BAD_REQUEST'],
  ['a query that is an object', () => post({ query: { kind: 'Document' } }), 400, 'BAD_REQUEST'],
  ['variables in a string', () => post({ query: ME, variables: '{}' }), 400, 'BAD_REQUEST'],
  ['variables in an array', () => post({ query: ME, variables: [] }), 400, 'BAD_REQUEST'],
  ['an operation name that is a number', () => post({ query: ME, operationName: 1 }), 400, 'BAD_REQUEST'],
  ['extensions in a string', () => post({ query: ME, extensions: '{}' }), 400, 'BAD_REQUEST'],
  ['a __proto__ key', () => raw('{"query": "{ me { id } }", "__proto__": {"a": 1}}'), 400, 'BAD_REQUEST'],
  [
    'a __proto__ key among the variables',
    () => raw('{"query": "{ me { id } }", "variables": {"input": {"__proto__": {"role": "ADMIN"}}}}'),
    400,
    'BAD_REQUEST',
  ],
  [
    'a prototype by way of the constructor',
    () => raw('{"query": "{ me { id } }", "constructor": {"prototype": {"a": 1}}}'),
    400,
    'BAD_REQUEST',
  ],
  ['1 MB of query', () => ask(`{ me { ${'id '.repeat(350_000)} } }`), 413, 'BAD_REQUEST'],
  [
    '1 MB of password',
    () => login({ email: 'a@example.com', password: SECRET.repeat(80_000) }),
    413,
    'BAD_REQUEST',
  ],
  ['plain text', () => raw(ME, { 'content-type': 'text/plain' }), 415, 'BAD_REQUEST'],
  [
    'plain text that claims to be preflighted',
    () => raw(ME, { 'content-type': 'text/plain', 'apollo-require-preflight': 'yes' }),
    415,
    'BAD_REQUEST',
  ],
  [
    'a form',
    () => raw(`query=${SECRET}`, { 'content-type': 'application/x-www-form-urlencoded' }),
    415,
    'BAD_REQUEST',
  ],
  [
    'a form in parts',
    () => raw('--x--', { 'content-type': 'multipart/form-data; boundary=x' }),
    415,
    'BAD_REQUEST',
  ],
  [
    'the type application/graphql',
    () => raw(ME, { 'content-type': 'application/graphql' }),
    415,
    'BAD_REQUEST',
  ],
  ['XML', () => raw('<me/>', { 'content-type': 'application/xml' }), 415, 'BAD_REQUEST'],
  ['an invalid content type', () => raw('{}', { 'content-type': ';;;' }), 415, 'BAD_REQUEST'],
  ['a body without a content type', () => ({ body: JSON.stringify({ query: ME }) }), 415, 'BAD_REQUEST'],
  ['an unknown path', () => ({ ...ask(ME), path: '/graphq1' }), 404, 'NOT_FOUND'],
  ['a path beneath the API', () => ({ ...ask(ME), path: '/graphql/../etc/passwd' }), 404, 'NOT_FOUND'],
  ['a path with a null byte', () => ({ method: 'GET', path: '/%00' }), 404, 'NOT_FOUND'],
  ['a path that cannot be decoded', () => ({ method: 'GET', path: '/%zz' }), 400, 'BAD_REQUEST'],
  ['the method PUT', () => ({ ...ask(ME), method: 'PUT' }), 404, 'NOT_FOUND'],
  ['the method DELETE', () => ({ ...ask(ME), method: 'DELETE' }), 404, 'NOT_FOUND'],
  ['the method PATCH', () => ({ ...ask(ME), method: 'PATCH' }), 404, 'NOT_FOUND'],
  ['the method TRACE', () => ({ method: 'TRACE' }), 404, 'NOT_FOUND'],
  ['the method PROPFIND', () => ({ ...ask(ME), method: 'PROPFIND' }), 404, 'NOT_FOUND'],
  ['a POST to the keys', () => ({ ...ask(ME), path: '/.well-known/jwks.json' }), 404, 'NOT_FOUND'],
  ['a GET with a mutation', get({ query: 'mutation { logout { scope } }' }), 405, 'BAD_REQUEST'],
  ['a GET without a query', get({}), 400, 'BAD_REQUEST'],
  [
    'a GET that a page of another site could cause',
    get({ query: ME }, { 'apollo-require-preflight': '' }),
    400,
    'BAD_REQUEST',
  ],
  ['a GET with variables that are not JSON', get({ query: ME, variables: '{' }), 400, 'BAD_REQUEST'],
  [
    'a GET with two queries',
    () => ({ ...get({ query: ME })(), path: '/graphql?query=%7Bme%7Bid%7D%7D&query=%7Bme%7Bid%7D%7D' }),
    400,
    'BAD_REQUEST',
  ],
  [
    'a type that nothing here can be answered in',
    () => ask('{ __typename }', {}, { accept: 'image/png' }),
    406,
    'BAD_REQUEST',
  ],
  ['an invalid host', () => ask(ME, {}, { host: "'; drop table users; --" }), 400, 'BAD_REQUEST'],
  ['a header of 64 KiB', () => ask(ME, {}, { 'x-filler': 'x'.repeat(65_536) }), 431, 'BAD_REQUEST'],
  ['an address of 64 KiB', () => ({ method: 'GET', path: `/${'x'.repeat(65_536)}` }), 431, 'BAD_REQUEST'],
];

const DOCUMENTS: Case[] = [
  ['a query that ends in the middle', () => ask('{ me {'), 400, 'GRAPHQL_PARSE_FAILED'],
  ['a query of a null byte', () => ask('\0'), 400, 'GRAPHQL_PARSE_FAILED'],
  ['a query of half a character', () => ask('{ me\ud800 }'), 400, 'GRAPHQL_PARSE_FAILED'],
  ['SQL in place of a query', () => ask("'; DROP TABLE users; --"), 400, 'GRAPHQL_PARSE_FAILED'],
  [
    'a password after a missing colon',
    () => ask(`mutation { login(input: {email: "a@example.com", password "${SECRET}"}) { accessToken } }`),
    400,
    'GRAPHQL_PARSE_FAILED',
  ],
  [
    'a password whose quotation marks are missing',
    () => ask(`mutation { login(input: {email: "a@example.com" password: 1 2 ${SECRET}) { accessToken } }`),
    400,
    'GRAPHQL_PARSE_FAILED',
  ],
  [
    'a password that does not end',
    () => ask(`mutation { login(input: {email: "a@example.com", password: "${SECRET}) { accessToken } }`),
    400,
    'GRAPHQL_PARSE_FAILED',
  ],
  [
    '3,000 aliases',
    () => ask(`{${many(3000, (i) => `a${i.toString(36)}:me`).join(' ')}}`),
    400,
    'GRAPHQL_PARSE_FAILED',
  ],
  ['15,000 levels of nesting', () => ask('{a'.repeat(15_000)), 400, 'GRAPHQL_PARSE_FAILED'],
  [
    '190 levels of nesting',
    () => ask(`${'{a'.repeat(190)}${'}'.repeat(190)}`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a list in 250 lists',
    () => ask(`{ user(id: ${'['.repeat(250)}${']'.repeat(250)}) { id } }`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    '300 mutations in one request',
    () => ask(`mutation {${many(300, (i) => `a${i}: logout { scope }`).join(' ')}}`),
    400,
    'GRAPHQL_PARSE_FAILED',
  ],
  [
    '90 mutations in one request',
    () => ask(`mutation {${many(90, (i) => `a${i}: logout { scope }`).join(' ')}}`),
    400,
    'BAD_USER_INPUT',
  ],
  [
    '11 attempts at a password in one request',
    () =>
      ask(
        `mutation {${many(11, (i) => `a${i}: login(input: {email: "a@example.com", password: "${SECRET}${i}"}) { accessToken }`).join(' ')}}`,
      ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'the same mutations hidden in a fragment',
    () =>
      ask(
        `mutation { ...F } fragment F on Mutation {${many(90, (i) => `a${i}: logout { scope }`).join(' ')}}`,
      ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a fragment that holds itself',
    () => ask('{ ...F } fragment F on Query { ...F }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'fragments that hold each other',
    () => ask('{ ...A } fragment A on Query { ...B } fragment B on Query { me { id } ...A }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'fragments that double 40 times',
    () =>
      ask(
        `{ me { ...F0 } } ${many(40, (i) => `fragment F${i} on User {...F${i + 1} ...F${i + 1}}`).join(' ')} fragment F40 on User {id}`,
      ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'fragments that double 40 times at the top',
    () =>
      ask(
        `{ ...F0 } ${many(40, (i) => `fragment F${i} on Query {...F${i + 1} ...F${i + 1}}`).join(' ')} fragment F40 on Query {__typename}`,
      ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    '50 mutations beside more fragments than anyone counts',
    () =>
      ask(
        `mutation { ...F0 ${many(50, (i) => `a${i}: logout { scope }`).join(' ')} } ${many(15, (i) => `fragment F${i} on Mutation {...F${i + 1} ...F${i + 1}}`).join(' ')} fragment F15 on Mutation {__typename}`,
      ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    '50 mutations beside one whose cost cannot be told',
    () =>
      ask(
        `mutation($none: String = "x") { no: deleteAccount(password: $none) { scope } ${many(50, (i) => `a${i}: logout { scope }`).join(' ')} }`,
        { none: null },
      ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a password beside a null where there must be none',
    asUser(
      `mutation($none: String = "x") { changePassword(input: {currentPassword: "${SECRET}", newPassword: $none}) { accessToken } }`,
      { none: null },
    ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a directive whose condition is null',
    () => ask('query($if: Boolean = true) { me @skip(if: $if) { id } }', { if: null }),
    400,
    'BAD_USER_INPUT',
  ],
  ...[
    ['null', '@skip(if: null)'],
    ['nothing', '@include'],
    ['a variable', '@skip(if: $if)'],
  ].map(([name, directive]): Case => [
    `a subscription that is skipped by ${name}, beside a password`,
    () =>
      ask(
        `subscription S($if: Boolean!) { sessionEnded ${directive} { scope } } mutation M { deleteAccount(password: "${SECRET}") { scope } }`,
        { if: true },
      ),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ]),
  [
    'the name of an operation that has none',
    () => post({ query: ME, operationName: 'Me' }),
    400,
    'OPERATION_RESOLUTION_FAILURE',
  ],
  ['an unknown fragment', () => ask('{ ...Nothing }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  ['an unknown field', () => ask('{ passwords }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  ['the hash of the password', asUser('{ me { passwordHash } }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  ['a field named __proto__', () => ask('{ __proto__ { id } }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  ['an unknown argument', () => ask('{ me(id: 1) { id } }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  ['an unknown directive', () => ask('{ me @admin { id } }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  ['an object without its fields', () => ask('{ me }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  [
    'a subscription over plain HTTP',
    () => ask('subscription { sessionEnded { __typename } }'),
    400,
    'BAD_REQUEST',
  ],
  ['an argument that is missing', asAdmin('{ user { id } }'), 400, 'GRAPHQL_VALIDATION_FAILED'],
  [
    'a type of variable that is not there',
    () => ask('query($x: Nothing) { me { id } }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a variable that is not declared',
    () => ask('{ user(id: $id) { id } }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a password in a list',
    () => ask(`mutation { deleteAccount(password: ["${SECRET}"]) { scope } }`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a password in an object',
    () =>
      ask(`mutation { login(input: {email: "a@example.com", password: {is: "${SECRET}"}}) { accessToken } }`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a password as the whole input',
    () => ask(`mutation { login(input: "${SECRET}") { accessToken } }`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a password in place of a Boolean',
    () =>
      ask(
        `mutation { login(input: {email: "a@example.com", password: "${SECRET}", useCookie: "${SECRET}"}) { accessToken } }`,
      ),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'an unknown value of an enum',
    asAdmin(`mutation { setRole(userId: "${NOBODY}", role: GOD) { id } }`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a string in place of an enum',
    asAdmin(`mutation { setRole(userId: "${NOBODY}", role: "ADMIN") { id } }`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'first: 1e9',
    asAdmin('{ users(first: 1e9) { pageInfo { hasNextPage } } }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'first: "20"',
    asAdmin('{ users(first: "20") { pageInfo { hasNextPage } } }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'first: 9999999999',
    asAdmin('{ users(first: 9999999999) { pageInfo { hasNextPage } } }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'introspection of introspection of introspection',
    () => ask(`{ __schema { types { ${'fields { type { '.repeat(20)} name ${'} } '.repeat(20)} } } }`),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'two operations and the name of neither',
    () => post({ query: 'query A { me { id } } query B { me { id } }' }),
    400,
    'OPERATION_RESOLUTION_FAILURE',
  ],
  [
    'the name of an operation that is not there',
    () => post({ query: `query A ${ME}`, operationName: 'B' }),
    400,
    'OPERATION_RESOLUTION_FAILURE',
  ],
  [
    'a document with only fragments',
    () => ask('fragment F on User { id }'),
    400,
    'GRAPHQL_VALIDATION_FAILED',
  ],
];

const VALUES: Case[] = [
  ['variables that are missing', () => login(undefined), 400, 'BAD_USER_INPUT'],
  ['an input of null', () => login(null), 400, 'BAD_USER_INPUT'],
  ['an input in a list', () => login([{ email: 'a@example.com', password: SECRET }]), 400, 'BAD_USER_INPUT'],
  ['an input without a password', () => login({ email: 'a@example.com' }), 400, 'BAD_USER_INPUT'],
  ['a password of null', () => login({ email: 'a@example.com', password: null }), 400, 'BAD_USER_INPUT'],
  [
    'a field that an input does not have',
    () => register({ email: 'a@example.com', password: SECRET, role: 'ADMIN' }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a number for a password',
    () => login({ email: 'a@example.com', password: 7_351_846_209 }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a list for a password',
    () => login({ email: 'a@example.com', password: [SECRET] }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an object for a password',
    () => login({ email: 'a@example.com', password: { $ne: SECRET } }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an object for a password that reads like a message about one',
    () => login({ email: 'a@example.com', password: { is: `a; ${SECRET} at "input"; ${SECRET}: b` } }),
    400,
    'BAD_USER_INPUT',
  ],
  ['a password for a whole input', () => login(SECRET), 400, 'BAD_USER_INPUT'],
  [
    'a password in place of a Boolean variable',
    () => login({ email: 'a@example.com', password: SECRET, useCookie: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a value that nests 5,000 deep',
    () =>
      raw(
        `{"query":"query($id: ID!) { user(id: $id) { id } }","variables":{"id":${'['.repeat(5000)}${']'.repeat(5000)}}}`,
      ),
    400,
    'BAD_USER_INPUT',
  ],
  ['an email without @', () => register({ email: 'nobody', password: SECRET }), 400, 'BAD_USER_INPUT'],
  ['an empty email', () => register({ email: '', password: SECRET }), 400, 'BAD_USER_INPUT'],
  [
    'an email of 10 kB',
    () => register({ email: `${'a'.repeat(10_000)}@example.com`, password: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an email with a null byte',
    () => register({ email: 'a\0b@example.com', password: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an email with half of a character',
    () => register({ email: 'a\ud800b@example.com', password: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an email with a line break',
    () => register({ email: 'a@example.com\r\nBcc: b@example.com', password: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an email with a name',
    () => register({ email: 'A <a@example.com>', password: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a login with an email of 10 kB',
    () => login({ email: `${'a'.repeat(10_000)}@example.com`, password: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a login with an email of half a character',
    () => login({ email: '\udfff@example.com', password: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a password that is empty',
    () => register({ email: 'a@example.com', password: '' }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a password of 7 characters',
    () => register({ email: 'a@example.com', password: SHORT_SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a password of 129 characters',
    () => register({ email: 'a@example.com', password: SECRET.padEnd(129, 'x') }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a password of 2,000 characters',
    () => register({ email: 'a@example.com', password: SECRET.padEnd(2000, 'x') }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a common password',
    () => register({ email: 'a@example.com', password: COMMON_SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a common password in capitals',
    () => register({ email: 'a@example.com', password: COMMON_SECRET.toUpperCase() }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a password with half of a character',
    () => register({ email: 'a@example.com', password: `${SECRET}\ud800` }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an email that is taken',
    ({ user }) => register({ email: emailOf(user), password: SECRET }),
    409,
    'CONFLICT',
  ],
  [
    'an email that is taken, in capitals',
    ({ user }) => register({ email: emailOf(user).toUpperCase(), password: SECRET }),
    409,
    'CONFLICT',
  ],
  [
    'a wrong password',
    ({ user }) => login({ email: emailOf(user), password: SECRET }),
    401,
    'INVALID_CREDENTIALS',
  ],
  [
    'a login with an empty password',
    ({ user }) => login({ email: emailOf(user), password: '' }),
    401,
    'INVALID_CREDENTIALS',
  ],
  [
    'a login with a password of null bytes',
    ({ user }) => login({ email: emailOf(user), password: '\0'.repeat(99) }),
    401,
    'INVALID_CREDENTIALS',
  ],
  [
    'a login with half of a character',
    ({ user }) => login({ email: emailOf(user), password: `${SECRET}\udc00` }),
    401,
    'INVALID_CREDENTIALS',
  ],
  [
    'a login with a password of 2,000 characters',
    () => login({ email: 'a@example.com', password: SECRET.padEnd(2000, 'x') }),
    400,
    'BAD_USER_INPUT',
  ],
  ['SQL for an email', () => login({ email: "' or 1=1 --", password: SECRET }), 400, 'BAD_USER_INPUT'],
  [
    'SQL in an email',
    () => login({ email: "'or/**/1=1--@example.com", password: SECRET }),
    401,
    'INVALID_CREDENTIALS',
  ],
  [
    'a new password that is too short',
    asUser('mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }', {
      input: { currentPassword: 'correct horse battery', newPassword: SHORT_SECRET },
    }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a current password that is wrong',
    asUser('mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }', {
      input: { currentPassword: SECRET, newPassword: `${SECRET} the second` },
    }),
    401,
    'INVALID_CREDENTIALS',
  ],
  [
    'a deletion with a wrong password',
    asUser('mutation($p: String!) { deleteAccount(password: $p) { scope } }', { p: SECRET }),
    401,
    'INVALID_CREDENTIALS',
  ],
  [
    'a deletion with a password of 30 kB',
    asUser('mutation($p: String!) { deleteAccount(password: $p) { scope } }', {
      p: SECRET.padEnd(30_000, 'x'),
    }),
    401,
    'INVALID_CREDENTIALS',
  ],
  ['first: 0', asAdmin('{ users(first: 0) { pageInfo { hasNextPage } } }'), 400, 'BAD_USER_INPUT'],
  ['first: -1', asAdmin('{ users(first: -1) { pageInfo { hasNextPage } } }'), 400, 'BAD_USER_INPUT'],
  ['first: 101', asAdmin('{ users(first: 101) { pageInfo { hasNextPage } } }'), 400, 'BAD_USER_INPUT'],
  [
    'first: 1000000000',
    asAdmin('{ auditEvents(first: 1000000000) { pageInfo { hasNextPage } } }'),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'first: -2147483648',
    asAdmin('{ auditEvents(first: -2147483648) { pageInfo { hasNextPage } } }'),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'first: 1.5 in a variable',
    asAdmin('query($n: Int) { users(first: $n) { pageInfo { hasNextPage } } }', { n: 1.5 }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'first: "many" in a variable',
    asAdmin('query($n: Int) { users(first: $n) { pageInfo { hasNextPage } } }', { n: 'many' }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an unknown role in a variable',
    asAdmin(`mutation($r: Role!) { setRole(userId: "${NOBODY}", role: $r) { id } }`, { r: 'GOD' }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a password in place of a role',
    asAdmin(`mutation($r: Role!) { setRole(userId: "${NOBODY}", role: $r) { id } }`, { r: SECRET }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a role named __proto__',
    asAdmin(`mutation($r: Role!) { setRole(userId: "${NOBODY}", role: $r) { id } }`, { r: '__proto__' }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an id that is an object',
    asAdmin('query($id: ID!) { user(id: $id) { id } }', { id: { a: 1 } }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an id that is true',
    asAdmin('query($id: ID!) { user(id: $id) { id } }', { id: true }),
    400,
    'BAD_USER_INPUT',
  ],
  ...[
    ['that is empty', ''],
    ['that is not base64', '%%%'],
    ['of another service', 'YXJyYXljb25uZWN0aW9uOjA='],
    ['with a null byte', '\0'],
    ['of half a character', '\ud800'],
    ['of 10 kB', 'a'.repeat(10_000)],
    ['of a time but no id', encode('1700000000000|nobody')],
    ['of an id but no time', encode(`soon|${NOBODY}`)],
    ['of a time before all calendars', encode(`-8640000000000000|${NOBODY}`)],
    ['of a time after all calendars', encode(`8640000000000001|${NOBODY}`)],
    ['of a fraction of a time', encode(`1e-7|${NOBODY}`)],
    ['with SQL in it', encode(`1|${NOBODY}' or 1=1 --`)],
  ].map(([name, after]): Case => [
    `a cursor of users ${name}`,
    asAdmin('query($after: String) { users(after: $after) { pageInfo { hasNextPage } } }', { after }),
    400,
    'BAD_USER_INPUT',
  ]),
  ...[
    ['that is empty', ''],
    ['of another list', encode(`1700000000000|${NOBODY}`)],
    ['of no number', encode('first')],
    ['of a number that no database holds', encode('9'.repeat(30))],
    ['of a negative number', encode('-1')],
  ].map(([name, after]): Case => [
    `a cursor of events ${name}`,
    asAdmin('query($after: String) { auditEvents(after: $after) { pageInfo { hasNextPage } } }', { after }),
    400,
    'BAD_USER_INPUT',
  ]),
  [
    'a search with a null byte',
    asAdmin('query($s: String) { users(search: $s) { pageInfo { hasNextPage } } }', { s: '\0' }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a search of 255 characters',
    asAdmin('query($s: String) { users(search: $s) { pageInfo { hasNextPage } } }', { s: 'x'.repeat(255) }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'no reason where one is needed',
    asAdmin('mutation { forceLogoutAll(reason: "") { scope } }'),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a reason of 600 characters',
    asAdmin('mutation($r: String!) { forceLogoutAll(reason: $r) { scope } }', { r: 'x'.repeat(600) }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a reason with a null byte',
    asAdmin('mutation($r: String!) { forceLogoutAll(reason: $r) { scope } }', { r: 'a\0' }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a reason of 600 characters where none is needed',
    asAdmin(`mutation($r: String) { forceLogout(userId: "${NOBODY}", reason: $r) { scope } }`, {
      r: 'x'.repeat(600),
    }),
    400,
    'BAD_USER_INPUT',
  ],
  ...[
    '',
    'nobody',
    '1',
    NOBODY,
    `${NOBODY.toUpperCase()} `,
    '\0',
    '\ud800',
    "' or 1=1 --",
    'x'.repeat(10_000),
  ].flatMap((id): Case[] =>
    [
      'forceLogout(userId: $id) { scope }',
      'forceLogoutSession(sessionId: $id) { scope }',
      'disableUser(userId: $id) { id }',
      'enableUser(userId: $id) { id }',
      'setRole(userId: $id, role: USER) { id }',
      'logoutSession(sessionId: $id) { scope }',
    ].map((mutation) => [
      `${mutation.slice(0, mutation.indexOf('('))} for the id ${JSON.stringify(id.slice(0, 40))}`,
      asAdmin(`mutation($id: ID!) { ${mutation} }`, { id }),
      404,
      'NOT_FOUND',
    ]),
  ),
];

const SIGN_IN: Case[] = [
  ['no authorization', () => ask(ME), 401, 'UNAUTHENTICATED'],
  ['a user in an administrator’s place', asUser('{ users { pageInfo { hasNextPage } } }'), 403, 'FORBIDDEN'],
  [
    'a user who makes themselves an administrator',
    asUser(`mutation { setRole(userId: "${NOBODY}", role: ADMIN) { id } }`),
    403,
    'FORBIDDEN',
  ],
  ...(
    [
      ['that is empty', () => ''],
      ['of spaces', () => '   '],
      ['of the kind Basic', () => `Basic ${Buffer.from(`a@example.com:${SECRET}`).toString('base64')}`],
      ['of the kind Digest', () => 'Digest username="a"'],
      ['of Bearer and nothing', () => 'Bearer'],
      ['of Bearer and spaces', () => 'Bearer    '],
      ['without its kind', ({ user }) => user.accessToken],
      ['of the kind BearerBearer', ({ user }) => `BearerBearer ${user.accessToken}`],
      ['with a tab for the space', ({ user }) => `Bearer\t${user.accessToken}`],
      ['with two tokens', ({ user }) => `Bearer ${user.accessToken} ${user.accessToken}`],
      ['with two tokens and a comma', ({ user }) => `Bearer ${user.accessToken}, Bearer ${user.accessToken}`],
      ['in quotation marks', ({ user }) => `Bearer "${user.accessToken}"`],
      ['with a token of 9 KiB', () => `Bearer ${'a'.repeat(9 * 1024)}`],
      [
        'with a good token and 9 KiB of signature',
        ({ user }) => `Bearer ${user.accessToken}${'a'.repeat(9 * 1024)}`,
      ],
      ['with a token cut in half', ({ user }) => `Bearer ${halfOf(user.accessToken)}`],
      [
        'with a token without its signature',
        ({ user }) => `Bearer ${user.accessToken.split('.').slice(0, 2).join('.')}.`,
      ],
      [
        'with a signature that is changed',
        ({ user }) => `Bearer ${user.accessToken.slice(0, -10)}AAAAAAAAAA`,
      ],
      ['with a token of one part', () => 'Bearer token'],
      ['with a token of dots', () => 'Bearer ..'],
      ['with a token of four parts', ({ user }) => `Bearer ${user.accessToken}.x`],
      ['with a token of five parts', () => 'Bearer a.b.c.d.e'],
      ['with a token that is not JSON', () => `Bearer ${encode('no')}.${encode('JSON')}.${encode('at all')}`],
      ['with a token whose header is null', () => `Bearer ${encode('null')}.${encode('null')}.x`],
      ['with a token whose header is a list', () => `Bearer ${encode('[]')}.${encode('[]')}.x`],
      ['with a refresh token', ({ user }) => `Bearer ${user.refreshToken}`],
      ['with letters of other alphabets', () => 'Bearer \u00e9\u00fc\u00ff'],
    ] satisfies [string, (given: Given) => string][]
  ).map(([name, header]): Case => [
    `an authorization ${name}`,
    (given) => me(header(given)),
    401,
    'UNAUTHENTICATED',
  ]),
  [
    'two tokens, though each be good',
    ({ user, admin }) => {
      const { headers, body } = ask(ME);
      const authorization = [user, admin].map(({ accessToken }) => `Bearer ${accessToken}`);
      return { headers: { ...headers, authorization }, body };
    },
    401,
    'UNAUTHENTICATED',
  ],
  ['a token that somebody else has signed', forge(same, same), 401, 'UNAUTHENTICATED'],
  ['a token of alg none', forge((header) => ({ ...header, alg: 'none' }), same), 401, 'UNAUTHENTICATED'],
  [
    'a token of alg none, without a signature',
    ({ user }) => {
      const [head, body = ''] = user.accessToken.split('.');
      return me(`Bearer ${encode({ ...decode(head), alg: 'none' })}.${body}.`);
    },
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token of alg HS256',
    ({ user }) => {
      const [head, body = ''] = user.accessToken.split('.');
      const signed = `${encode({ ...decode(head), alg: 'HS256' })}.${body}`;
      return me(`Bearer ${signed}.${createHmac('sha256', 'guess').update(signed).digest('base64url')}`);
    },
    401,
    'UNAUTHENTICATED',
  ],
  ['a token of no alg', forge(({ kid, typ }) => ({ kid, typ }), same), 401, 'UNAUTHENTICATED'],
  ['a token of the type JWT', forge((header) => ({ ...header, typ: 'JWT' }), same), 401, 'UNAUTHENTICATED'],
  [
    'a token of a key that is not ours',
    forge((header) => ({ ...header, kid: NOBODY }), same),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token whose kid is SQL',
    forge((header) => ({ ...header, kid: "' or 1=1 --" }), same),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token whose kid is a null byte',
    forge((header) => ({ ...header, kid: '\0' }), same),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token whose kid is __proto__',
    forge((header) => ({ ...header, kid: '__proto__' }), same),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token whose kid is a file',
    forge((header) => ({ ...header, kid: '../../etc/passwd' }), same),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token whose kid is a list',
    forge((header) => ({ ...header, kid: [NOBODY] }), same),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token that brings its key',
    forge((header) => ({ ...header, jwk: { kty: 'EC' } }), same),
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a token that makes itself an administrator',
    forge(same, (claims) => ({ ...claims, role: 'ADMIN' })),
    401,
    'UNAUTHENTICATED',
  ],
  ['a token whose payload is text', forge(same, () => 'hello'), 401, 'UNAUTHENTICATED'],
  ['a token whose payload is null', forge(same, () => null), 401, 'UNAUTHENTICATED'],
  [
    'a logout with a forged token',
    ({ user }) =>
      ask('mutation { logout { scope } }', {}, { authorization: `Bearer ${halfOf(user.accessToken)}` }),
    401,
    'UNAUTHENTICATED',
  ],
  ['no refresh token', () => refresh(undefined), 401, 'REFRESH_TOKEN_INVALID'],
  ...(
    [
      ['that is null', () => null],
      ['that is empty', () => ''],
      ['of a space', () => ' '],
      ['cut in half', ({ user }) => halfOf(user.refreshToken)],
      ['with a letter too many', ({ user }) => `${user.refreshToken}A`],
      ['with a line break', ({ user }) => `${user.refreshToken}\n`],
      [
        'with another last letter',
        ({ user }) => `${user.refreshToken.slice(0, -1)}${user.refreshToken.endsWith('A') ? 'E' : 'A'}`,
      ],
      ['that was never issued', () => 'A'.repeat(43)],
      ['of null bytes', () => '\0'.repeat(43)],
      ['of half characters', () => '\ud800'.repeat(43)],
      ['of SQL', () => "' or 1=1 --"],
      ['of 30 kB', () => 'a'.repeat(30_000)],
      ['that is an access token', ({ user }) => user.accessToken],
    ] satisfies [string, (given: Given) => unknown][]
  ).map(([name, token]): Case => [
    `a refresh token ${name}`,
    (given) => refresh(token(given)),
    401,
    'REFRESH_TOKEN_INVALID',
  ]),
  ['a refresh token that is a number', () => refresh(42), 400, 'BAD_USER_INPUT'],
  [
    'a refresh token in a list of two',
    ({ user }) => refresh([user.refreshToken, user.refreshToken]),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a cookie that cannot be decoded',
    () => withCookie('refresh_token=%E0%A4%A'),
    401,
    'REFRESH_TOKEN_INVALID',
  ],
  ['an invalid cookie', () => withCookie(';;=;,=\u00ff'), 401, 'REFRESH_TOKEN_INVALID'],
  ['a cookie of an encoded null byte', () => withCookie('refresh_token=%00'), 401, 'REFRESH_TOKEN_INVALID'],
  ['a cookie named __proto__', () => withCookie('__proto__=x; constructor=y'), 401, 'REFRESH_TOKEN_INVALID'],
  [
    'a cookie with half a token',
    ({ user }) => withCookie(`refresh_token=${halfOf(user.refreshToken)}`),
    401,
    'REFRESH_TOKEN_INVALID',
  ],
  [
    'a thousand cookies',
    () => withCookie(many(1000, (i) => `c${i}=x`).join('; ')),
    401,
    'REFRESH_TOKEN_INVALID',
  ],
  ...[
    'https://evil.example',
    'null',
    'http://',
    '\u00ff',
    'http://127.0.0.1',
    'https://app.example.com.evil.example',
  ].map((origin): Case => [
    `a good cookie from the origin ${origin}`,
    ({ user }) => withCookie(`refresh_token=${user.refreshToken}`, { origin }),
    401,
    'REFRESH_TOKEN_INVALID',
  ]),
  [
    'a logout with a cookie that is none',
    () => ask('mutation { logout { scope } }', {}, { cookie: 'refresh_token=%' }),
    401,
    'UNAUTHENTICATED',
  ],
];

const NOT_HTTP: [name: string, bytes: string, status: number][] = [
  ['a line of nonsense', 'hello\r\n\r\n', 400],
  ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['a method that there is not', 'BREW /graphql HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a length that is not a number', 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n', 400],
  [
    'two lengths',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    400,
  ],
  [
    'a length beside chunks',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'a chunk whose size is not a number',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    400,
  ],
  ['a header with a null byte', 'GET /graphql HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n', 400],
  ['2,000 headers', `GET /graphql HTTP/1.1\r\nHost: a\r\n${'X-Filler: 1234\r\n'.repeat(2000)}\r\n`, 431],
];

const halfOf = (token: string) => token.slice(0, token.length / 2);
const emailOf = ({ user }: Tokens) => (user as unknown as { email: string }).email;

const LEAKS =
  /node_modules|\bat \S+ \(|\.[jt]s:\d|stack|QueryFailed|TypeError|RangeError|\bselect\b.*\bfrom\b|insert into|relation "|ECONN/i;

describe('wrong input', () => {
  let world: World;
  let node: TestNode;
  let proxied: TestNode;
  let given: Given;

  beforeAll(async () => {
    world = await createWorld();
    [node, proxied] = await Promise.all([world.node(), world.node({ TRUST_PROXY: 'true' })]);
    const admin = await node.api.loginAsAdmin();
    given = { admin, user: await node.api.register('user@example.com') };
  });
  afterAll(() => world.close());

  /** Secrets that were sent or could be guessed, and must not be repeated. */
  const secrets = () => [
    SECRET,
    SHORT_SECRET,
    COMMON_SECRET,
    COMMON_SECRET.toUpperCase(),
    '7351846209',
    ADMIN.password,
    'correct horse battery',
    ...Object.values(given).flatMap(({ accessToken, refreshToken }: Tokens) => [
      halfOf(accessToken),
      halfOf(refreshToken),
    ]),
  ];
  const expectNoSecrets = (text: string) => {
    for (const secret of secrets()) expect(text).not.toContain(secret);
  };

  const expectClearError = ({ status, type, text }: Reply, expected: { status: number; code: string }) => {
    const { errors, ...rest } = JSON.parse(text) as {
      errors: { message: string; extensions: Record<string, unknown> }[];
    };
    expect({ status, code: errors[0]?.extensions.code, type }).toEqual({
      ...expected,
      type: expect.stringMatching(/^application\/(graphql-response\+)?json\b/) as string,
    });
    for (const { message, extensions } of errors) {
      // One line in the form of a sentence.
      expect(message).toMatch(/^["'`A-Z].*[.?]$/);
      expect(extensions.code).toMatch(/^[A-Z_]+$/);
    }
    expect(JSON.stringify(rest).length).toBeLessThan(200);
    expect(text).not.toMatch(LEAKS);
    expectNoSecrets(text);
  };

  describe.each([
    ['of a request that never reaches GraphQL', TRANSPORT],
    ['of a document', DOCUMENTS],
    ['of a value', VALUES],
    ['of a sign-in', SIGN_IN],
  ])('an error %s is clear', (_kind, cases) => {
    test.each(cases)('%s', async (_name, wrong, status, code) => {
      expectClearError(await send(node.url, wrong(given)), { status, code });
    });
  });

  test.each(NOT_HTTP)('bytes that are not HTTP get a clear error: %s', async (_name, bytes, status) => {
    expectClearError(await sendBytes(node.url, bytes), { status, code: 'BAD_REQUEST' });
  });

  test.each(['a ', 'must be,', 'x', '; ', ' at "', 'got invalid value '])(
    'a name of 25 kB, of %j only, is neither pondered nor sent back',
    async (part) => {
      const i = { email: 'a@example.com', password: SECRET, [part.repeat(25_000 / part.length)]: 1 };
      const query = 'mutation($i: LoginInput!) { login(input: $i) { accessToken } }';
      const body = JSON.stringify({ query, variables: { i } });
      const reply = await send(node.url, { headers: { 'content-type': 'application/json' }, body });
      expectClearError(reply, { status: 400, code: 'BAD_USER_INPUT' });
      expect(reply.text.length).toBeLessThan(1000);
    },
  );

  // A query for something missing is not an error.
  test.each([
    ['an account by an id that names nothing', '{ user(id: "nobody") { id } }', { user: null }],
    ['an account by an id with a null byte', '{ user(id: "\\u0000") { id } }', { user: null }],
    [
      'the events of nobody',
      '{ auditEvents(userId: "nobody") { edges { cursor } } }',
      { auditEvents: { edges: [] } },
    ],
    [
      'a search of signs that SQL knows',
      '{ users(search: "%_\\\\\'") { edges { cursor } } }',
      { users: { edges: [] } },
    ],
    [
      'first: null',
      '{ users(first: null) { pageInfo { hasNextPage } } }',
      { users: { pageInfo: { hasNextPage: false } } },
    ],
  ])('a query for something missing gets an empty answer: %s', async (_name, query, data) => {
    expect(await node.api.send(query, {}, given.admin.accessToken)).toMatchObject({ status: 200, data });
  });

  test('an unpaired surrogate matches nothing and is not stored', async () => {
    const { api } = node;
    const search = await api.send(
      'query($half: String) { users(search: $half) { edges { cursor } } }',
      { half: '\ud83d' },
      given.admin.accessToken,
    );
    expect(search).toMatchObject({ status: 200, data: { users: { edges: [] } } });
    const reason = await api.send(
      'mutation($id: ID!, $half: String) { forceLogout(userId: $id, reason: $half) { confirmed } }',
      { id: (await api.register('half@example.com')).user.id, half: '\ud83d' },
      given.admin.accessToken,
    );
    expect(reason).toMatchObject({ status: 200, data: { forceLogout: { confirmed: true } } });
  });

  test('a mutation whose answer the client does not accept is not run', async () => {
    const { accessToken } = await node.api.register('picky@example.com');
    const answer = await node.api.send('mutation { logout { scope } }', {}, accessToken, {
      accept: 'image/png',
    });
    expect(answer).toMatchObject({ status: 406, code: 'BAD_REQUEST' });
    expect((await node.api.me(accessToken)).status).toBe(200);
  });

  const NONSENSE = ["'; drop table users; --", '1.2.3.4.5', ',,,', '[::', 'a b'];
  const loginThrough = (header: string, value: string) => {
    const { headers, body } = login({ email: 'user@example.com', password: 'correct horse battery' });
    return send(proxied.url, { headers: { ...headers, [header]: value }, body });
  };

  test.each(NONSENSE)('a client that its proxy names %s can sign in', async (address) => {
    expect((await loginThrough('x-forwarded-for', address)).status).toBe(200);
  });

  test.each(NONSENSE)('a request for the host %s gets a clear error', async (address) => {
    for (const header of ['x-forwarded-host', 'x-forwarded-proto']) {
      expectClearError(await loginThrough(header, address), { status: 400, code: 'BAD_REQUEST' });
    }
  });

  test('afterwards the server works, and its log holds no unexpected error and no secret', async () => {
    const again = await node.api.login('user@example.com');
    for (const { accessToken } of [again, given.user, given.admin]) {
      expect((await node.api.me(accessToken)).status).toBe(200);
    }
    const lines = [...node.log, ...proxied.log].map((line) => JSON.parse(line) as { level: number });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
    expectNoSecrets([...node.log, ...proxied.log].join('\n'));
  });
});
