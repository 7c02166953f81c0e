import { ask, type Case, get, login, ME, post, raw, refused, SECRET } from './requests';

/** Requests that never reach GraphQL. */
export const TRANSPORT: Case[] = [
  ...refused(400, 'BAD_REQUEST', {
    'an empty body': raw(''),
    'no body and no content type': {},
    'half a JSON document': raw('{"query": "{ me'),
    'text that is not JSON': raw(`password=${SECRET}`),
    'JSON with a byte order mark in the middle': raw('{"query":\uFEFF"{ me { id } }"}'),
    'bytes that are not UTF-8': raw(Buffer.from([0xff, 0xfe, 0x00, 0x80])),
    'nothing but null bytes': raw('\0'.repeat(64)),
    '30,000 open brackets': raw('['.repeat(30_000)),
    'the JSON null': raw('null'),
    'a JSON number': raw('42'),
    'a JSON string': raw('"{ me { id } }"'),
    'an empty object': post({}),
    'an object without a query': post({ variables: {} }),
    'an empty query': ask(''),
    'an array of requests': post([{ query: ME }, { query: ME }]),
    'an empty array': post([]),
    'a query that is a number': post({ query: 42 }),
    'a query that is an object': post({ query: { kind: 'Document' } }),
    'variables in a string': post({ query: ME, variables: '{}' }),
    'variables in an array': post({ query: ME, variables: [] }),
    'an operation name that is a number': post({ query: ME, operationName: 1 }),
    'extensions in a string': post({ query: ME, extensions: '{}' }),
    'a __proto__ key': raw('{"query": "{ me { id } }", "__proto__": {"a": 1}}'),
    'a __proto__ key among the variables': raw(
      '{"query": "{ me { id } }", "variables": {"input": {"__proto__": {"role": "ADMIN"}}}}',
    ),
    'a prototype by way of the constructor': raw(
      '{"query": "{ me { id } }", "constructor": {"prototype": {"a": 1}}}',
    ),
    'a path that cannot be decoded': { method: 'GET', path: '/%zz' },
    'a GET without a query': get({}),
    'a GET that a page of another site could cause': get({ query: ME }, { 'apollo-require-preflight': '' }),
    'a GET with variables that are not JSON': get({ query: ME, variables: '{' }),
    'a GET with two queries': {
      ...get({ query: ME }),
      path: '/graphql?query=%7Bme%7Bid%7D%7D&query=%7Bme%7Bid%7D%7D',
    },
    'an invalid host': ask(ME, {}, { host: "'; drop table users; --" }),
  }),
  ...refused(413, 'BAD_REQUEST', {
    '1 MB of query': ask(`{ me { ${'id '.repeat(350_000)} } }`),
    '1 MB of password': login({ email: 'a@example.com', password: SECRET.repeat(80_000) }),
  }),
  ...refused(415, 'BAD_REQUEST', {
    'plain text': raw(ME, { 'content-type': 'text/plain' }),
    'plain text that claims to be preflighted': raw(ME, {
      'content-type': 'text/plain',
      'apollo-require-preflight': 'yes',
    }),
    'a form': raw(`query=${SECRET}`, { 'content-type': 'application/x-www-form-urlencoded' }),
    'a form in parts': raw('--x--', { 'content-type': 'multipart/form-data; boundary=x' }),
    'the type application/graphql': raw(ME, { 'content-type': 'application/graphql' }),
    XML: raw('<me/>', { 'content-type': 'application/xml' }),
    'an invalid content type': raw('{}', { 'content-type': ';;;' }),
    'a body without a content type': { body: JSON.stringify({ query: ME }) },
  }),
  ...refused(404, 'NOT_FOUND', {
    'an unknown path': { ...ask(ME), path: '/graphq1' },
    'a path beneath the API': { ...ask(ME), path: '/graphql/../etc/passwd' },
    'a path with a null byte': { method: 'GET', path: '/%00' },
    'the method PUT': { ...ask(ME), method: 'PUT' },
    'the method DELETE': { ...ask(ME), method: 'DELETE' },
    'the method PATCH': { ...ask(ME), method: 'PATCH' },
    'the method TRACE': { method: 'TRACE' },
    'the method PROPFIND': { ...ask(ME), method: 'PROPFIND' },
    'a POST to the keys': { ...ask(ME), path: '/.well-known/jwks.json' },
  }),
  ...refused(405, 'BAD_REQUEST', {
    'a GET with a mutation': get({ query: 'mutation { logout { scope } }' }),
  }),
  ...refused(406, 'BAD_REQUEST', {
    'a type that nothing here can be answered in': ask('{ __typename }', {}, { accept: 'image/png' }),
  }),
  ...refused(431, 'BAD_REQUEST', {
    'a header of 64 KiB': ask(ME, {}, { 'x-filler': 'x'.repeat(65_536) }),
    'an address of 64 KiB': { method: 'GET', path: `/${'x'.repeat(65_536)}` },
  }),
];
