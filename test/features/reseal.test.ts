import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { administer } from '../../src/commands/admin';
import { RESEAL } from '../../src/commands/reseal';
import { newEmbeddedFolder, QUICK_START } from '../support/embedded-folder';
import { startNodeProcess } from '../support/node-process';
import { createWorld, type Env, TEST_ENV, type World } from '../support/world';
import { worldMaker } from '../support/world-maker';

const OLD = TEST_ENV.SECRET;
const NEW = 'Zx81-another-secret-of-good-length-42';
const newWorld = worldMaker(createWorld);

const reseal = ({ databaseUrl }: World, env: Env = {}) =>
  administer(RESEAL, { DATABASE_URL: databaseUrl, SECRET: NEW, OLD_SECRET: OLD, ...env });

const keysIn = (world: World) =>
  world.sql(
    `select id, sealed_private_key as sealed from signing_keys
     union all select id::text, sealed_key from refresh_keys order by id`,
  );

/** A refresh token of a key that does not exist. It makes a node read the keys. */
const unknownToken = () => {
  const bytes = randomBytes(63);
  bytes.writeUInt16BE(60_000, 0);
  return bytes.toString('base64url');
};

const WARNING = 'encrypted with another SECRET than this node has';

test('running nodes go on through a change of SECRET, and are restarted one after the other', async () => {
  const world = await newWorld();
  // One node has signed before, the other has not.
  const [one, two] = await Promise.all([world.node(), world.node()]);
  const first = await one.api.newUser();
  expect(await reseal(world)).toEqual({
    code: 0,
    text: expect.stringMatching(/^Encrypted 2 of 2 keys with SECRET\. Restart every node/),
  });

  const second = await two.api.refreshed(first);
  await one.api.refreshed(second);
  for (const { api } of [one, two]) await api.login(first.user.email);
  await expect(world.node()).rejects.toThrow('SECRET cannot decrypt the keys');

  const restarted = await world.node({ SECRET: NEW });
  let tokens = await restarted.api.login(first.user.email);
  for (const { api } of [one, restarted, two, restarted]) {
    tokens = await api.refreshed(tokens);
    for (const node of [one, two, restarted])
      expect((await node.api.me(tokens.accessToken)).status).toBe(200);
  }
});

test('a node with the old secret says so once, and keeps what it has', async () => {
  const world = await newWorld();
  const node = await world.node();
  const root = await node.api.loginAsAdmin();
  await reseal(world);
  for (let i = 0; i < 3; i++)
    expect((await node.api.refresh(unknownToken())).code).toBe('REFRESH_TOKEN_INVALID');
  const said = node.log.filter((line) => line.includes(WARNING));
  expect(said).toEqual([expect.stringContaining('Restart it with the new SECRET.')]);

  // It adds no key that the others could not decrypt.
  const before = await keysIn(world);
  for (const more of ['', '(revokeOld: true)']) {
    const refused = await node.api.send(`mutation { rotateSigningKey${more} { id } }`, {}, root.accessToken);
    expect(refused.code).toBe('SERVICE_UNAVAILABLE');
  }
  expect(await keysIn(world)).toEqual(before);
  expect((await node.api.me(root.accessToken)).status).toBe(200);
  await node.api.refreshed(root);
});

test('a token of a key that a node cannot decrypt is refused for the moment, and ends no session', async () => {
  const world = await newWorld();
  const old = await world.node();
  await reseal(world);
  const restarted = await world.node({ SECRET: NEW });
  const root = await restarted.api.loginAsAdmin();
  await restarted.api.mutate('rotateSigningKey { id }', root.accessToken);
  const tokens = await restarted.api.refreshed(root);
  expect((await old.api.refresh(tokens.refreshToken)).code).toBe('SERVICE_UNAVAILABLE');
  await restarted.api.refreshed(tokens);
  // It makes tokens with the key it has.
  await restarted.api.refreshed(await old.api.newUser());
});

test('the second run says that nothing is left to do, with or without the old secret', async () => {
  const world = await newWorld();
  await world.node();
  await reseal(world);
  const after = await keysIn(world);
  for (const OLD_SECRET of [OLD, undefined, ''])
    expect(await reseal(world, { OLD_SECRET })).toEqual({
      code: 0,
      text: 'Nothing is left to do: every key is encrypted with this SECRET.\n',
    });
  expect(await keysIn(world)).toEqual(after);
});

test('a change of SECRET that was interrupted is finished, and can be taken back', async () => {
  const world = await newWorld();
  const node = await world.node();
  const [before] = await world.sql<{ sealed_key: string }>('select sealed_key from refresh_keys');
  await reseal(world);
  await world.sql('update refresh_keys set sealed_key = $1', [before!.sealed_key]);
  expect((await reseal(world)).text).toMatch(/^Encrypted 1 of 2 keys/);
  expect((await reseal(world, { SECRET: OLD, OLD_SECRET: NEW })).text).toMatch(/^Encrypted 2 of 2 keys/);
  const root = await node.api.loginAsAdmin();
  await node.api.mutate('rotateSigningKey { id }', root.accessToken);
  await world.node();
});

test.each<[string, string, Env, RegExp]>([
  ['no old secret', 'select', { OLD_SECRET: undefined }, /decrypt 2 of 2 keys\. Set OLD_SECRET/],
  [
    'a wrong old secret',
    'select',
    { OLD_SECRET: 'wrong' },
    /Nothing was changed: neither SECRET nor OLD_SECRET decrypts the refresh key 1\./,
  ],
  [
    'one key of a third secret',
    `update refresh_keys set sealed_key = 'v1.AAAA.AAAA.AAAA'`,
    {},
    /Nothing was changed: neither SECRET nor OLD_SECRET decrypts the refresh key 1\./,
  ],
  ['a weak new secret', 'select', { SECRET: 'weak' }, /SECRET is too weak/],
])('with %s nothing is changed', async (_what, sql, env, sentence) => {
  const world = await newWorld();
  await world.node();
  await world.sql(sql);
  const before = await keysIn(world);
  expect(await reseal(world, env)).toEqual({ code: 1, text: expect.stringMatching(sentence) });
  expect(await keysIn(world)).toEqual(before);
});

test('the embedded mode takes its own secret for the old one, and SECRET afterwards', async () => {
  const folder = await newEmbeddedFolder();
  const DATA_DIR = folder.path;
  const command = (env: NodeJS.ProcessEnv) =>
    promisify(execFile)(
      process.execPath,
      [QUICK_START, join(__dirname, '../../dist/src/main.js'), 'admin', 'reseal'],
      { env: { PATH: process.env.PATH, DATA_DIR, ...env } },
    );
  const served = async (SECRET: string) => {
    const node = await startNodeProcess({ DATA_DIR, SECRET });
    return { node, stop: () => (node.signal('SIGTERM'), node.ended) };
  };
  try {
    const before = await served('');
    const tokens = await before.node.api.newUser();
    expect(await before.stop()).toBe(0);
    await expect(command({})).rejects.toMatchObject({ stderr: expect.stringContaining('SECRET is not set') });
    expect((await command({ SECRET: NEW })).stdout).toMatch(
      /^Encrypted 2 of 2 keys with SECRET\. Start the server with this SECRET from now on/,
    );
    const after = await served(NEW);
    await after.node.api.refreshed(tokens);
    expect(await after.stop()).toBe(0);
    await expect(served('')).rejects.toThrow('SECRET cannot decrypt the keys');
  } finally {
    await folder.remove();
  }
});
