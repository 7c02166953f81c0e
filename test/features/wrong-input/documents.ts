import { repeat } from '../../support/repeat';
import { ask, asAdmin, asUser, type Case, each, ME, NOBODY, post, refused, SECRET } from './requests';

const logouts = (count: number) => repeat(count, (i) => `a${i}: logout { scope }`);

/** Fragments `F0` and on, each of which holds the next one twice. */
const doubling = (count: number, type: string, field: string) =>
  `${repeat(count, (i) => `fragment F${i} on ${type} {...F${i + 1} ...F${i + 1}}`)} fragment F${count} on ${type} {${field}}`;

/** GraphQL documents that are refused. */
export const DOCUMENTS: Case[] = [
  ...refused(400, 'GRAPHQL_PARSE_FAILED', {
    'a query that ends in the middle': ask('{ me {'),
    'a query of a null byte': ask('\0'),
    'a query of half a character': ask('{ me\ud800 }'),
    'SQL in place of a query': ask("'; DROP TABLE users; --"),
    'a password after a missing colon': ask(
      `mutation { login(input: {email: "a@example.com", password "${SECRET}"}) { accessToken } }`,
    ),
    'a password whose quotation marks are missing': ask(
      `mutation { login(input: {email: "a@example.com" password: 1 2 ${SECRET}) { accessToken } }`,
    ),
    'a password that does not end': ask(
      `mutation { login(input: {email: "a@example.com", password: "${SECRET}) { accessToken } }`,
    ),
    '3,000 aliases': ask(`{${repeat(3000, (i) => `a${i.toString(36)}:me`)}}`),
    '15,000 levels of nesting': ask('{a'.repeat(15_000)),
    '300 mutations in one request': ask(`mutation {${logouts(300)}}`),
  }),
  ...refused(400, 'GRAPHQL_VALIDATION_FAILED', {
    '190 levels of nesting': ask(`${'{a'.repeat(190)}${'}'.repeat(190)}`),
    'a list in 250 lists': ask(`{ user(id: ${'['.repeat(250)}${']'.repeat(250)}) { id } }`),
    'a fragment that holds itself': ask('{ ...F } fragment F on Query { ...F }'),
    'fragments that hold each other': ask(
      '{ ...A } fragment A on Query { ...B } fragment B on Query { me { id } ...A }',
    ),
    'an unknown fragment': ask('{ ...Nothing }'),
    'an unknown field': ask('{ passwords }'),
    'the hash of the password': asUser('{ me { passwordHash } }'),
    'a field named __proto__': ask('{ __proto__ { id } }'),
    'an unknown argument': ask('{ me(id: 1) { id } }'),
    'an unknown directive': ask('{ me @admin { id } }'),
    'an object without its fields': ask('{ me }'),
    'an argument that is missing': asAdmin('{ user { id } }'),
    'a type of variable that is not there': ask('query($x: Nothing) { me { id } }'),
    'a variable that is not declared': ask('{ user(id: $id) { id } }'),
    'a password in a list': ask(`mutation { deleteAccount(password: ["${SECRET}"]) { scope } }`),
    'a password in an object': ask(
      `mutation { login(input: {email: "a@example.com", password: {is: "${SECRET}"}}) { accessToken } }`,
    ),
    'a password as the whole input': ask(`mutation { login(input: "${SECRET}") { accessToken } }`),
    'a password in place of a Boolean': ask(
      `mutation { login(input: {email: "a@example.com", password: "${SECRET}", useCookie: "${SECRET}"}) { accessToken } }`,
    ),
    'an unknown value of an enum': asAdmin(`mutation { setRole(userId: "${NOBODY}", role: GOD) { id } }`),
    'a string in place of an enum': asAdmin(
      `mutation { setRole(userId: "${NOBODY}", role: "ADMIN") { id } }`,
    ),
    'first: 1e9': asAdmin('{ users(first: 1e9) { pageInfo { hasNextPage } } }'),
    'first: "20"': asAdmin('{ users(first: "20") { pageInfo { hasNextPage } } }'),
    'first: 9999999999': asAdmin('{ users(first: 9999999999) { pageInfo { hasNextPage } } }'),
    'introspection of introspection of introspection': ask(
      `{ __schema { types { ${'fields { type { '.repeat(20)} name ${'} } '.repeat(20)} } } }`,
    ),
    'a document with only fragments': ask('fragment F on User { id }'),
    ...each(
      'a subscription beside a password, skipped by',
      { null: '@skip(if: null)', nothing: '@include', 'a variable': '@skip(if: $if)' },
      (directive) =>
        ask(
          `subscription S($if: Boolean!) { sessionEnded ${directive} { scope } } mutation M { deleteAccount(password: "${SECRET}") { scope } }`,
          { if: true },
        ),
    ),
  }),
  ...refused(400, 'BAD_USER_INPUT', {
    '90 mutations in one request': ask(`mutation {${logouts(90)}}`),
    '11 attempts at a password in one request': ask(
      `mutation {${repeat(11, (i) => `a${i}: login(input: {email: "a@example.com", password: "${SECRET}${i}"}) { accessToken }`)}}`,
    ),
    '90 mutations hidden in a fragment': ask(`mutation { ...F } fragment F on Mutation {${logouts(90)}}`),
    'fragments that double 40 times': ask(`{ me { ...F0 } } ${doubling(40, 'User', 'id')}`),
    'fragments that double 40 times at the top': ask(`{ ...F0 } ${doubling(40, 'Query', '__typename')}`),
    '50 mutations beside more fragments than anyone counts': ask(
      `mutation { ...F0 ${logouts(50)} } ${doubling(15, 'Mutation', '__typename')}`,
    ),
    '50 mutations beside one whose cost cannot be told': ask(
      `mutation($none: String = "x") { no: deleteAccount(password: $none) { scope } ${logouts(50)} }`,
      { none: null },
    ),
    'a password beside a null where there must be none': asUser(
      `mutation($none: String = "x") { changePassword(input: {currentPassword: "${SECRET}", newPassword: $none}) { accessToken } }`,
      { none: null },
    ),
    'a directive whose condition is null': ask('query($if: Boolean = true) { me @skip(if: $if) { id } }', {
      if: null,
    }),
  }),
  ...refused(400, 'OPERATION_RESOLUTION_FAILURE', {
    'the name of an operation that has none': post({ query: ME, operationName: 'Me' }),
    'two operations and the name of neither': post({ query: 'query A { me { id } } query B { me { id } }' }),
    'the name of an operation that is not there': post({ query: `query A ${ME}`, operationName: 'B' }),
  }),
  ...refused(400, 'BAD_REQUEST', {
    'a subscription over plain HTTP': ask('subscription { sessionEnded { __typename } }'),
  }),
];
