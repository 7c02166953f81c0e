import { type Case, SECRET, NOBODY, post, ask, asAdmin, asUser, ME, many } from './requests';

/** GraphQL documents that are refused. */
export const DOCUMENTS: Case[] = [
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
