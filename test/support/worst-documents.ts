import { parse, type Token } from 'graphql';
import type { Actions } from '../../src/actions/actions';
import { MOST_TOKENS } from '../../src/graphql/documents';
import { faultOfCost } from '../../src/graphql/query-limits';
import { createSchema } from '../../src/graphql/schema';
import { repeat } from './repeat';

function hasTooManyTokens(document: string): boolean {
  let count = 0;
  const { loc } = parse(document, { maxTokens: 10 * MOST_TOKENS });
  for (let token: Token | null = loc?.startToken.next ?? null; token?.next; token = token.next) count += 1;
  return count > MOST_TOKENS;
}

const schema = createSchema({} as Actions);
const costsTooMuch = (document: string) =>
  faultOfCost({ schema, document: parse(document), variables: {} }) !== undefined;

/** The longest text of `make` that is not yet too much. */
function most(make: (count: number) => string, isTooMuch: (document: string) => boolean): string {
  let fits = 1;
  let over = 2;
  while (!isTooMuch(make(over))) [fits, over] = [over, over * 2];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (isTooMuch(make(middle))) over = middle;
    else fits = middle;
  }
  return make(fits);
}
const longest = (make: (count: number) => string) => most(make, hasTooManyTokens);
const dearest = (make: (count: number) => string) =>
  most(make, (document) => hasTooManyTokens(document) || costsTooMuch(document));

export interface WorstDocument {
  readonly query: string;
  /** The status of the answer to an administrator in production. */
  readonly status: number;
}

/** Documents at the limits of size that take long to parse and validate. */
export const toRead = (): Record<string, WorstDocument> => ({
  'one field many times': { query: longest((n) => `{me{${repeat(n, () => 'id')}}}`), status: 200 },
  'one object many times': { query: longest((n) => `{${repeat(n, () => 'me{id}')}}`), status: 200 },
  'fields that conflict': {
    query: longest((n) => `{me{sessions{${repeat(n, (i) => (i % 2 ? 'a:id' : 'a:current'))}}}}`),
    status: 400,
  },
  'fields that conflict below two others': {
    query: longest(
      (n) => `{a:user(id:1){${repeat(n, () => 'x:id')}} a:user(id:1){${repeat(n, () => 'x:email')}}}`,
    ),
    status: 400,
  },
  'fragments that cross each other': {
    query: longest(
      (n) =>
        `{me{${repeat(n, (i) => `...F${i}`)}}} ` +
        repeat(n, (i) => `fragment F${i} on User{${repeat(n - i - 1, (j) => `...F${i + j + 1}`)} id}`),
    ),
    status: 400,
  },
  'fragments that go round': {
    query: longest(
      (n) =>
        `{me{${repeat(n, (i) => `...F${i}`)}}} ` +
        repeat(n, (i) => `fragment F${i} on User{${repeat(n, (j) => `...F${j}`)}}`),
    ),
    status: 400,
  },
  'fragments in a chain': {
    query: longest(
      (n) =>
        `{me{...F0}} ${repeat(n, (i) => `fragment F${i} on User{id ...F${i + 1}}`)} fragment F${n} on User{id}`,
    ),
    status: 200,
  },
  'many operations': { query: longest((n) => repeat(n, (i) => `query Q${i}{me{id}}`)), status: 400 },
  'many variables': {
    query: longest((n) => `query(${repeat(n, (i) => `$v${i}:Int`)}){me{id}}`),
    status: 400,
  },
  'nested fragments': {
    query: longest((n) => `{me{${'...{'.repeat(n)}id${'}'.repeat(n)}}}`),
    status: 200,
  },
  'nested lists': {
    query: longest((n) => `{user(id:${'['.repeat(n)}${']'.repeat(n)}){id}}`),
    status: 400,
  },
  'unknown fields': {
    query: longest((n) => `{me{${repeat(n, (i) => `sessionsTokenVersion${i}`)}}}`),
    status: 400,
  },
});

/** Operations at the limit of cost, in different ways. */
export const toRun = (): Record<string, WorstDocument> => ({
  'many aliases of the account': {
    query: dearest((n) => `{${repeat(n, (i) => `a${i}:me{id}`)}}`),
    status: 200,
  },
  'ids of a hundred sessions': {
    query: dearest((n) => `{me{sessions(first:100){${repeat(n, (i) => `a${i}:id`)}}}}`),
    status: 200,
  },
  'times of a hundred sessions': {
    query: dearest((n) => `{me{sessions(first:100){${repeat(n, (i) => `a${i}:createdAt`)}}}}`),
    status: 200,
  },
  'long texts of sessions': {
    query: dearest((n) => `{me{sessions(first:100){${repeat(n, (i) => `a${i}:userAgent`)}}}}`),
    status: 200,
  },
  'sessions of a page of accounts': {
    query: dearest(
      (n) => `{users(first:100){edges{node{${repeat(n, (i) => `a${i}:sessions(first:1){id}`)}}}}}`,
    ),
    status: 200,
  },
  'three pages of accounts': {
    query: dearest(
      (n) =>
        `{${repeat(3, (i) => `a${i}:users(first:100){edges{node{${repeat(n, (j) => `b${j}:createdAt`)}}}}`)}}`,
    ),
    status: 200,
  },
  'pages of events': {
    query: dearest(
      (n) =>
        `{${repeat(n, (i) => `a${i}:auditEvents(first:100){edges{node{id type createdAt reason userAgent}}}`)}}`,
    ),
    status: 200,
  },
});

/** Introspection at the limit of cost, outside production. */
export const toIntrospect = (): Record<string, WorstDocument> => ({
  'fields of all types': {
    query: dearest((n) => `{__schema{types{${repeat(n, (i) => `a${i}:fields{name type{name}}`)}}}}`),
    status: 200,
  },
  'values of the longest enum': {
    query: dearest((n) => `{__type(name:"AuditEventType"){${repeat(n, (i) => `a${i}:enumValues{name}`)}}}`),
    status: 200,
  },
  'arguments of mutations': {
    query: dearest(
      (n) => `{__type(name:"Mutation"){a:fields{${repeat(n, (i) => `a${i}:args{name}`)}} b:fields{name}}}`,
    ),
    status: 200,
  },
});

/** The longest subscriptions of a socket: a valid one and a wrong one. */
export const toSubscribe = () =>
  longest((n) => `subscription{sessionEnded{${repeat(n, (i) => `a${i}:endedAt`)}}}`);
export const toSubscribeWrongly = () =>
  longest((n) => `subscription{sessionEnded{${repeat(n, () => 'scope')} nothing}}`);
