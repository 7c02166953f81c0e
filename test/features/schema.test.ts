import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObjectType, isIntrospectionType, isInputObjectType, isEnumType } from 'graphql';
import type { Actions } from '../../src/actions/actions';
import { schemaText } from '../../src/graphql/print-schema';
import { createSchema } from '../../src/graphql/schema';
import { ADMIN, createWorld, type TestNode, type World } from '../support/world';

/** What works without a token, on purpose. */
const PUBLIC = ['Mutation.register', 'Mutation.login', 'Mutation.refresh', 'Mutation.logout'];

/** What a signed-in user may do without being an administrator. */
const SIGNED_IN = [
  'Query.me',
  'Mutation.logoutSession',
  'Mutation.logoutOthers',
  'Mutation.logoutEverywhere',
  'Mutation.changePassword',
  'Mutation.deleteAccount',
];

const schema = createSchema({} as Actions);
const rootFields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
  Object.values(type?.getFields() ?? {}).map((field) => ({ type: type?.name ?? '', field })),
);

test('the committed schema.graphql is the one that the code makes', () => {
  expect(readFileSync(join(__dirname, '../../schema.graphql'), 'utf8')).toBe(schemaText());
});

test('everything in the schema is described', () => {
  const undescribed = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type))
    .flatMap((type) => {
      const missing = type.description || ['Query', 'Mutation'].includes(type.name) ? [] : [type.name];
      if (isObjectType(type) || isInputObjectType(type)) {
        for (const field of Object.values(type.getFields())) {
          if (!field.description) missing.push(`${type.name}.${field.name}`);
          for (const arg of 'args' in field ? field.args : []) {
            if (!arg.description) missing.push(`${type.name}.${field.name}(${arg.name})`);
          }
        }
      }
      if (isEnumType(type)) {
        missing.push(
          ...type
            .getValues()
            .flatMap(({ name, description }) => (description ? [] : [`${type.name}.${name}`])),
        );
      }
      return missing;
    })
    .filter((name) => !['String', 'Boolean', 'Int', 'ID', 'Float'].includes(name));
  expect(undescribed).toEqual([]);
});

describe('every operation is behind the check', () => {
  let world: World;
  let node: TestNode;
  let userToken: string;

  beforeAll(async () => {
    world = await createWorld();
    node = await world.node();
    userToken = (await node.api.register('user@example.com')).accessToken;
  });
  afterAll(() => world.close());

  /** A call of the field with arguments that fit, and any selection. */
  const callOf = (type: string, name: string) => {
    const found = rootFields.find((each) => each.type === type && each.field.name === name);
    const samples: Record<string, string> = {
      'ID!': '"00000000-0000-4000-8000-000000000000"',
      'String!': '"text"',
      'Role!': 'USER',
      'ChangePasswordInput!': '{currentPassword: "a", newPassword: "b"}',
    };
    const args = (found?.field.args ?? [])
      .filter((arg) => arg.type.toString().endsWith('!'))
      .map((arg) => `${arg.name}: ${samples[arg.type.toString()] ?? 'null'}`);
    const query = `${name}${args.length > 0 ? `(${args.join(', ')})` : ''} { __typename }`;
    return type === 'Query' ? `{ ${query} }` : `mutation { ${query} }`;
  };

  const guarded = rootFields
    .map(({ type, field }) => [type, field.name] as const)
    .filter(([type, name]) => !PUBLIC.includes(`${type}.${name}`));

  test.each(guarded)('%s.%s refuses a request without a token', async (type, name) => {
    expect(await node.api.send(callOf(type, name))).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_MISSING',
    });
  });

  test.each(guarded.filter(([type, name]) => !SIGNED_IN.includes(`${type}.${name}`)))(
    '%s.%s refuses a user who is no administrator',
    async (type, name) => {
      expect(await node.api.send(callOf(type, name), {}, userToken)).toMatchObject({
        status: 403,
        code: 'FORBIDDEN',
      });
    },
  );

  test('the administrator is let in', async () => {
    const { accessToken } = await node.api.login(ADMIN.email, ADMIN.password);
    expect((await node.api.send(callOf('Query', 'users'), {}, accessToken)).status).toBe(200);
  });
});
