import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES, type ExampleProcess, startExample } from '../examples/example-process';
import { ROOT, run } from '../package/projects';
import { PASSWORD } from '../support/api';
import { freePort } from '../support/servers';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import type { Env } from '../support/world';

const EXAMPLE = join(EXAMPLES, 'federation');
const textOf = (file: string) => readFileSync(join(EXAMPLE, file), 'utf8');
const PAGE = readFileSync(join(ROOT, 'docs/federation.md'), 'utf8');
const blocksOf = (kind: string) =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);

const PAGE_ORIGIN = 'https://app.example.com';
const INTROSPECTION_SECRET = 'only for tests: 4Rk8wQz1Lm6Xv3Tp9Yb2';
const SECRETS = { INTROSPECTION_SECRET, ISSUER: 'https://auth.example.com' };

/** The settings that the page shows, but for the gateway's address. */
const SETTINGS: Env = {
  ...Object.fromEntries(
    (blocksOf('ini')[0] ?? '').split('\n').flatMap((line) => {
      const [, name, value] = /^(\w+)=(\S+)/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value]];
    }),
  ),
  ...SECRETS,
  TRUST_PROXY: 'loopback',
};

/** A folder with the example and its packages. It is kept, because they take a minute to install. */
async function installExample(): Promise<string> {
  const name = createHash('sha256').update(textOf('package.json')).digest('hex').slice(0, 12);
  const folder = join(ROOT, 'node_modules/.cache/tokenfence-federation', name);
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(EXAMPLE)) copyFileSync(join(EXAMPLE, file), join(folder, file));
  // npm writes this file last.
  if (!existsSync(join(folder, 'node_modules/.package-lock.json')))
    await run(folder, 'npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']);
  rmSync(join(folder, 'node_modules/tokenfence'), { force: true });
  symlinkSync(ROOT, join(folder, 'node_modules/tokenfence'), 'dir');
  return folder;
}

const world = sharedWorld();
const [node] = sharedNodes(world, SETTINGS);
const running: ExampleProcess[] = [];
const urls = { apollo: '', hive: '' };

beforeAll(async () => {
  const folder = await installExample();
  const start = async (file: string, ready: string, env: Env) => {
    const child = await startExample(join(folder, file), ready, env);
    running.push(child);
  };
  const [posts, apollo, hive] = await Promise.all([freePort(), freePort(), freePort()]);
  const SUPERGRAPH = join(folder, 'supergraph.graphql');
  await start('posts.mjs', 'are ready at', { ...SECRETS, AUTH_URL: node.url, PORT: String(posts) });
  const POSTS_URL = `http://127.0.0.1:${posts}`;
  await start('compose.mjs', 'The supergraph is in', { AUTH_URL: node.url, POSTS_URL, SUPERGRAPH });
  await Promise.all([
    start('apollo-gateway.mjs', 'is ready at', { PORT: String(apollo), SUPERGRAPH }),
    start('hive-gateway.mjs', 'is ready at', { PORT: String(hive), SUPERGRAPH }),
  ]);
  urls.apollo = `http://127.0.0.1:${apollo}/`;
  urls.hive = `http://127.0.0.1:${hive}/graphql`;
}, 300_000);
afterAll(() => Promise.all(running.map((child) => child.stop())));

const ask = async (
  gateway: keyof typeof urls,
  query: string,
  token?: string,
  headers: Record<string, string> = {},
) => {
  const response = await fetch(urls[gateway], {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify({ query }),
  });
  const body = (await response.json()) as any;
  return { ...(await node.api.read(Response.json(body))), cookie: response.headers.get('set-cookie') };
};
const BOTH = '{ me { email posts { title author { id email } } } }';
const PUBLISH = 'mutation { publish(title: "Hello") { title author { email } } }';
const revoked = { code: 'UNAUTHENTICATED', reason: 'TOKEN_REVOKED' };

test('the page shows what the example runs', () => {
  const files = readdirSync(EXAMPLE).map(textOf);
  for (const block of blocksOf('js').filter((text) => !text.includes('auth.subgraph')))
    expect(files.some((text) => text.includes(block))).toBe(true);
  expect(blocksOf('js').length).toBeGreaterThan(2);
});

describe.each(['apollo', 'hive'] as const)('behind the gateway of %s', (gateway) => {
  const user = shared(() => node.api.newUser());
  const send = (...args: [query: string, token?: string, headers?: Record<string, string>]) =>
    ask(gateway, ...args);

  test('one query is answered by both subgraphs, as the user who asks', async () => {
    const { email, id } = user.user;
    expect((await send(PUBLISH, user.accessToken)).data).toEqual({
      publish: { title: 'Hello', author: { email } },
    });
    const posts = [{ title: 'Hello', author: { id, email } }];
    expect((await send(BOTH, user.accessToken)).data).toEqual({ me: { email, posts } });
  });

  test('nobody else learns the email of an author, and all see the post', async () => {
    const [other, admin] = await Promise.all([node.api.newUser(), node.api.loginAsAdmin()]);
    const query = '{ me { email } posts { title author { email } } }';
    const last = (posts: unknown[]) => posts.at(-1);
    const asOther = await send(query, other.accessToken);
    expect(asOther).toMatchObject({ code: 'FORBIDDEN', data: { me: { email: other.user.email } } });
    const hidden = { title: 'Hello', author: null };
    expect(last(asOther.data.posts)).toEqual(hidden);
    const asStranger = await send(query);
    expect(asStranger).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_MISSING',
      data: { me: null },
    });
    expect(last(asStranger.data.posts)).toEqual(hidden);
    expect(JSON.stringify([asOther, asStranger])).not.toContain(user.user.email);
    expect(last((await send(query, admin.accessToken)).data.posts)).toEqual({
      title: 'Hello',
      author: { email: user.user.email },
    });
  });

  test('codes of errors come through, from both subgraphs', async () => {
    expect(await send('{ users { edges { cursor } } }', user.accessToken)).toMatchObject({
      code: 'FORBIDDEN',
    });
    const login = `mutation { login(input: {email: "${user.user.email}", password: "wrong"}) { accessToken } }`;
    expect(await send(login)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect(await send(PUBLISH)).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING' });
  });

  test('the refresh cookie comes through, for the page that may use it, with the client’s address', async () => {
    const input = `{email: "${user.user.email}", password: "${PASSWORD}", useCookie: true}`;
    const login = `mutation { login(input: ${input}) { session { ipAddress userAgent } } }`;
    const { data, cookie } = await send(login, undefined, {
      'user-agent': 'Phone/1.0',
      'x-forwarded-for': '203.0.113.9',
    });
    expect(data.login.session).toEqual({ ipAddress: '203.0.113.9', userAgent: 'Phone/1.0' });
    expect(cookie).toMatch(/^__Host-refresh_token=[\w-]+; .*HttpOnly; Secure; SameSite=Strict$/);
    const headers = { cookie: cookie!.split(';')[0]! };
    const refresh = 'mutation { refresh { accessToken } }';
    const evil = await send(refresh, undefined, { ...headers, origin: 'https://evil.example.com' });
    expect(evil).toMatchObject({ code: 'REFRESH_TOKEN_INVALID', cookie: null });
    const { data: next, cookie: renewed } = await send(refresh, undefined, {
      ...headers,
      origin: PAGE_ORIGIN,
    });
    expect(renewed).toMatch(/^__Host-refresh_token=[\w-]+;/);
    const { accessToken } = next.refresh as { accessToken: string };
    const logout = await send('mutation { logout { confirmed } }', accessToken, {
      cookie: renewed!.split(';')[0]!,
      origin: PAGE_ORIGIN,
    });
    expect(logout).toMatchObject({ data: { logout: { confirmed: true } } });
    expect(logout.cookie).toMatch(/^__Host-refresh_token=; Max-Age=0/);
    expect(await send(BOTH, accessToken)).toMatchObject(revoked);
  });

  test('a receipt comes through, and from then on both subgraphs refuse the token', async () => {
    const { accessToken } = await node.api.login(user.user.email);
    const { data } = await send('mutation { logoutOthers { receipt { scope confirmed } } }', accessToken);
    expect(data.logoutOthers.receipt).toEqual({ scope: 'USER', confirmed: true });
    for (const token of [accessToken, user.accessToken]) {
      const answer = await send('{ me { email posts { title } } posts { title } }', token);
      expect(answer).toMatchObject({ ...revoked, data: { me: null } });
      expect(answer.data.posts.length).toBeGreaterThan(0);
      expect(await send(PUBLISH, token)).toMatchObject(revoked);
    }
  });
});
