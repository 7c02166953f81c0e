import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isLeafType,
  isObjectType,
  parse,
  subscribe,
  validateSchema,
} from 'graphql';
import type { Actions } from '../../src/actions/actions';
import { TokenfenceError } from '../../src/core/errors';
import { faultOfCost } from '../../src/graphql/query-limits';
import { schemaText } from '../../src/graphql/print-schema';
import { createSchema } from '../../src/graphql/schema';
import type { AuthResult, Principal } from '../../src/guard/guard';
import { AUTH } from '../support/api';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

/** The fields that work without a token. */
const PUBLIC = [
  'Query.me',
  'Mutation.register',
  'Mutation.login',
  'Mutation.refresh',
  'Mutation.logout',
  'Mutation.requestPasswordReset',
  'Mutation.resetPassword',
  'Mutation.verifyEmail',
  'Mutation.confirmEmailChange',
  'Mutation.acceptInvitation',
];

/** The fields for every signed-in user. */
const SIGNED_IN = [
  'Subscription.sessionEnded',
  'Mutation.logoutSession',
  'Mutation.logoutOthers',
  'Mutation.logoutEverywhere',
  'Mutation.changePassword',
  'Mutation.confirmPassword',
  'Mutation.deleteAccount',
  'Mutation.requestEmailVerification',
  'Mutation.requestEmailChange',
];

const ROOTS = ['Query', 'Mutation', 'Subscription'];

const schema = createSchema({} as Actions);
const rootFields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(
  (type) => Object.values(type?.getFields() ?? {}).map((field) => ({ type: type?.name ?? '', field })),
);

test('the committed schema.graphql is the one that the code generates', () => {
  expect(readFileSync(join(__dirname, '../../schema.graphql'), 'utf8')).toBe(schemaText());
});

// A start does not check it.
test('the schema is valid, as a subgraph and with the roles of an application too', () => {
  for (const options of [{}, { federation: true }, { roles: ['AUDITOR'] }])
    expect(validateSchema(createSchema({} as Actions, options))).toEqual([]);
});

test('everything in the schema is described', () => {
  const undescribed = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type))
    .flatMap((type) => {
      const missing = type.description || ROOTS.includes(type.name) ? [] : [type.name];
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

test('a request may hold ten mutations with any selection, and not eleven', () => {
  const costOf = (count: number) => {
    const login = (i: number) => `a${i}: login(input: { email: "a@example.com", password: "p" }) ${AUTH}`;
    const text = `mutation { ${Array.from({ length: count }, (_, i) => login(i)).join(' ')} }`;
    return faultOfCost({ schema, document: parse(text), variables: {} });
  };
  expect(costOf(10)).toBeUndefined();
  expect(costOf(11)?.message).toMatch(/This operation costs \d+ points, and 10000 are allowed/);
});

describe('the check of each operation', () => {
  const [node] = sharedNodes(sharedWorld(), {});
  const user = shared(() => node.api.newUser());

  /** A call of the field with valid arguments and some selection. */
  const callOf = (type: string, name: string) => {
    const found = rootFields.find((each) => each.type === type && each.field.name === name);
    const samples: Record<string, string> = {
      'ID!': '"00000000-0000-4000-8000-000000000000"',
      'String!': '"text"',
      'Role!': 'USER',
      'ChangePasswordInput!': '{currentPassword: "a", newPassword: "b"}',
      'EmailChangeInput!': '{newEmail: "a@example.com", password: "b"}',
    };
    const args = (found?.field.args ?? [])
      .filter((arg) => arg.type.toString().endsWith('!'))
      .map((arg) => `${arg.name}: ${samples[arg.type.toString()] ?? 'null'}`);
    const selection = found && isLeafType(getNamedType(found.field.type)) ? '' : ' { __typename }';
    const query = `${name}${args.length > 0 ? `(${args.join(', ')})` : ''}${selection}`;
    return `${type.toLowerCase()} { ${query} }`;
  };

  /** The result of a subscription for this caller, whatever the socket let in. */
  const subscribeAs = async (name: string, auth: AuthResult) => {
    const revocations = { ofUser: () => unreachable(), all: () => unreachable() };
    const answer = await subscribe({
      schema,
      document: parse(callOf('Subscription', name)),
      contextValue: { auth, revocations },
    });
    const error = 'errors' in answer ? answer.errors?.[0]?.originalError : undefined;
    return error instanceof TokenfenceError ? { code: error.code, ...error.details } : error;
  };
  const unreachable = () => {
    throw new Error('The revocations were read.');
  };

  const guarded = rootFields
    .map(({ type, field }) => [type, field.name] as const)
    .filter(([type, name]) => !PUBLIC.includes(`${type}.${name}`));

  const isSubscription = ([type]: readonly [string, string]) => type === 'Subscription';
  const forAdministrators = guarded.filter(([type, name]) => !SIGNED_IN.includes(`${type}.${name}`));
  const served = (fields: typeof guarded) => fields.filter((field) => !isSubscription(field));

  test.each(served(guarded))('%s.%s refuses a request without a token', async (type, name) => {
    expect(await node.api.send(callOf(type, name))).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_MISSING',
    });
  });

  test.each(served(forAdministrators))(
    '%s.%s refuses a user who is not an administrator',
    async (type, name) => {
      expect(await node.api.send(callOf(type, name), {}, user.accessToken)).toMatchObject({
        status: 403,
        code: 'FORBIDDEN',
      });
    },
  );

  test.each(guarded.filter(isSubscription))(
    '%s.%s refuses a caller who is not signed in',
    async (_type, name) => {
      expect(await subscribeAs(name, { ok: false, code: 'TOKEN_REVOKED' })).toEqual({
        code: 'UNAUTHENTICATED',
        reason: 'TOKEN_REVOKED',
      });
    },
  );

  test.each(forAdministrators.filter(isSubscription))(
    '%s.%s refuses a user who is not an administrator',
    async (_type, name) => {
      const principal = { role: 'USER' } as Principal;
      expect(await subscribeAs(name, { ok: true, principal })).toEqual({ code: 'FORBIDDEN' });
    },
  );

  test('HTTP serves no subscription', async () => {
    const names = guarded.filter(isSubscription).map(([, name]) => name);
    expect(names).toEqual(['sessionEnded', 'revocations']);
    for (const name of names) {
      expect(await node.api.send(callOf('Subscription', name), {}, user.accessToken)).toMatchObject({
        status: 400,
        code: 'BAD_REQUEST',
      });
    }
  });

  test('an administrator may call every field', async () => {
    const { accessToken } = await node.api.loginAsAdmin();
    expect((await node.api.send(callOf('Query', 'users'), {}, accessToken)).status).toBe(200);
  });
});
