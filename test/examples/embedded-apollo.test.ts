import { join } from 'node:path';
import { decode } from 'jsonwebtoken';
import { type EmbeddedFolder, newEmbeddedFolder, QUICK_START } from '../support/embedded-folder';
import { createWorld, TEST_ENV, type World } from '../support/world';
import { type ExampleProcess, startExample } from './example-process';

const PASSWORD = 'correct horse battery 9';
const SERVER = 'examples/embedded-apollo/server.mjs';
const ROOT = join(__dirname, '../..');

let world: World;
let folder: EmbeddedFolder;
let example: ExampleProcess;
beforeAll(async () => {
  world = await createWorld();
  folder = await newEmbeddedFolder();
});
afterEach(() => example.stop());
afterAll(async () => {
  await world.close();
  await folder.remove();
});

test.each([
  ['with Postgres and Redis', () => ({ DATABASE_URL: world.databaseUrl, REDIS_URL: world.redisUrl ?? '' })],
  ['with the Postgres in its own process', () => ({ DATA_DIR: folder.path })],
])('%s, a sign-up makes both rows or neither, and the tenant is in the token', async (_, env) => {
  const settings = { SECRET: TEST_ENV.SECRET, PORT: '0', ...env() };
  example = await startExample(join(ROOT, SERVER), '/graphql', settings, [], [QUICK_START]);
  const [url = ''] = /http:\S+/.exec(example.output()) ?? [];
  const ask = async (query: string, token?: string) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query }),
    });
    return (await response.json()) as { data: any; errors?: { extensions: { code: string } }[] };
  };
  const register = (name: string, more: string) =>
    ask(
      `mutation { register(input: { email: "${name}@example.com", password: "${PASSWORD}", ${more} })
        { accessToken user { name avatar } } }`,
    );

  const { data, errors } = await register('ada', 'name: "Ada", avatar: "/ada.png", tenant: "acme"');
  expect(errors).toBeUndefined();
  expect(data.register.user).toEqual({ name: 'Ada', avatar: '/ada.png' });
  const { accessToken } = data.register;
  expect(decode(accessToken)).toMatchObject({ claims: { tenant: 'acme' } });
  expect(await ask('{ invoices me { name } }', accessToken)).toEqual({
    data: { invoices: ['The first invoice of acme'], me: { name: 'Ada' } },
  });

  const codeOf = async (answer: ReturnType<typeof register>) => (await answer).errors?.[0]?.extensions.code;
  expect(await codeOf(register('eve', 'name: "", tenant: "acme"'))).toBe('BAD_USER_INPUT');
  // The avatar is taken, so the application's own row cannot be written.
  expect(await codeOf(register('eve', 'name: "Eve", avatar: "/ada.png", tenant: "acme"'))).toBe(
    'INTERNAL_SERVER_ERROR',
  );
  expect(await codeOf(register('eve', 'name: "Eve", tenant: "acme"'))).toBeUndefined();

  expect((await ask('mutation { logout { confirmed } }', accessToken)).data.logout.confirmed).toBe(true);
  expect(await codeOf(ask('{ invoices }', accessToken))).toBe('UNAUTHENTICATED');
  expect(await example.stop()).toBe(0);
});
