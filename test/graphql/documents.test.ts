import { type DocumentNode, type GraphQLError, getIntrospectionQuery } from 'graphql';
import type { Actions } from '../../src/actions/actions';
import { createDocuments, MOST_ERRORS, MOST_KEPT_TOKENS } from '../../src/graphql/documents';
import { createErrorFormatter } from '../../src/graphql/errors';
import { createSchema } from '../../src/graphql/schema';
import { createSubscriptionReader } from '../../src/graphql/subscription-request';
import { silent } from '../support/silent';

const schema = createSchema({} as Actions);

const repeat = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(' ');

const isDocument = (read: DocumentNode | readonly GraphQLError[]): read is DocumentNode => 'kind' in read;

function errorsOf(query: string, production = true): readonly GraphQLError[] {
  const read = createDocuments({ schema, production }).read(query);
  return isDocument(read) ? [] : read;
}

test('a document with many errors gets only a few of them', () => {
  const unknown = errorsOf(`{ me { ${repeat(300, (i) => `x${i}`)} } }`);
  // The last one says that there are others.
  expect(unknown).toHaveLength(MOST_ERRORS + 1);
  const conflicts = errorsOf(`{ me { ${repeat(180, (i) => `a: ${i % 2 ? 'id' : 'email'}`)} } }`);
  expect(JSON.stringify(conflicts).length).toBeLessThan(8000);
});

test('a document that would take long to validate is not parsed completely', () => {
  const fields = repeat(490, (i) => `a: ${i % 2 ? 'id' : 'current'}`);
  const [error, ...more] = errorsOf(`{ me { sessions { ${fields} } } }`);
  expect(error?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
  expect(more).toEqual([]);
});

test('the full introspection query is accepted outside production', () => {
  const everything = getIntrospectionQuery({
    descriptions: true,
    schemaDescription: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    inputValueDeprecation: true,
    oneOf: true,
  });
  expect(errorsOf(everything, false)).toEqual([]);
  expect(errorsOf(everything)[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
});

test('a kept document is found by the key that Apollo uses', async () => {
  const documents = createDocuments({ schema, production: true });
  const read = documents.read('{ me { id } }');
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256').update('{ me { id } }').digest('hex');
  expect(await documents.store.get(`schema:${hash}`)).toBe(read);
  documents.read('{ nothing }');
  const invalid = createHash('sha256').update('{ nothing }').digest('hex');
  expect(await documents.store.get(`schema:${invalid}`)).toBeUndefined();
});

test('kept documents are bounded by their tokens, including comments', async () => {
  const documents = createDocuments({ schema, production: true });
  const { createHash } = await import('node:crypto');
  const kept = async (query: string) =>
    (await documents.store.get(`schema:${createHash('sha256').update(query).digest('hex')}`)) !== undefined;
  const many = Array.from({ length: 100 }, (_, i) => `{me{${'id '.repeat(590)}}}#${i}`);
  for (const query of many) expect('kind' in documents.read(query)).toBe(true);
  expect((await Promise.all(many.map(kept))).filter(Boolean).length).toBeLessThanOrEqual(
    MOST_KEPT_TOKENS / 590,
  );
  const comments = `{me{id}}${'#\n'.repeat(60_000)}`;
  expect('kind' in documents.read(comments)).toBe(true);
  expect(await kept(comments)).toBe(false);
});

describe('in production an error suggests no name from the schema', () => {
  const MISSPELT = [
    '{ mee { id } }',
    'mutation { logoutEverywher { scope } }',
    '{ me { sesion { id } } }',
    'mutation($i: LoginInpt!) { login(input: $i) { accessToken } }',
    'mutation { login(inpt: {}) { accessToken } }',
    'mutation { login(input: { emial: "a" }) { accessToken } }',
    'mutation { setRole(userId: "1", role: ADMN) { id } }',
    '{ me { id } ...Fragmnt } fragment Fragment on Query { me { id } }',
    '{ me @skp(if: true) { id } }',
  ];

  test.each(MISSPELT)('%s', (query) => {
    const [error] = errorsOf(query);
    expect(error?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(error?.message).not.toMatch(/Did you mean/);
  });

  test('an error in a variable suggests no name, over both transports', () => {
    const documents = createDocuments({ schema, production: true });
    const read = createSubscriptionReader({ schema, production: true, documents })({
      query: 'subscription($i: LoginInput) { sessionEnded { current } }',
      variables: { i: { emial: 'a' } },
    });
    const messages = (read as readonly GraphQLError[]).map(
      (error) => createErrorFormatter({ logger: silent, production: true })(error.toJSON(), error).message,
    );
    expect(messages.join('\n')).not.toMatch(/Did you mean/);
  });
});
