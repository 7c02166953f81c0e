import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import type { Browser } from 'playwright-core';
import { openPage, startChromium } from '../support/chromium';
import { eventually } from '../support/eventually';
import { createWorld, type TestNode, type World } from '../support/world';

let world: World;
let node: TestNode;
let browser: Browser;
beforeAll(async () => {
  world = await createWorld();
  [node, browser] = await Promise.all([world.node(), startChromium()]);
});
afterAll(async () => {
  await browser.close();
  await world.close();
});

const HTML = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

test('a browser without internet opens GraphiQL, runs a query with a token, and is told of a logout', async () => {
  const { accessToken, user } = await node.api.newUser();
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const { page, faults } = await openPage(context);
  const answer = page.locator('.result-window .view-lines');
  const paste = async (editor: string, text: string) => {
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await page.locator(`${editor} .graphiql-editor:not(.hidden) textarea`).focus();
    await page.keyboard.press('ControlOrMeta+KeyA');
    await page.keyboard.press('ControlOrMeta+KeyV');
  };
  const run = async (name: string, text: string) => {
    await paste('.graphiql-query-editor', text);
    // GraphiQL runs what it has read, soon after it was pasted.
    await page.getByRole('tab', { name }).waitFor();
    await page.getByRole('button', { name: 'Execute query' }).click();
  };

  const opened = await page.goto(`${node.url}/graphql`);
  const policy = opened?.headers()['content-security-policy'];
  expect(policy).toMatch(/^default-src 'none';script-src 'self';.*;frame-ancestors 'none'$/);
  await page.getByRole('tab', { name: 'SignUp' }).waitFor();

  await page.getByRole('button', { name: 'Headers' }).click();
  await paste('[aria-label="Headers"]', JSON.stringify({ authorization: `Bearer ${accessToken}` }));
  await run('Email', 'query Email { me { email } }');
  await answer.getByText(user.email).waitFor();

  await run('Ended', 'subscription Ended { sessionEnded { scope current } }');
  await page.getByRole('button', { name: 'Stop query' }).waitFor();
  await eventually(async () => {
    const other = await node.api.login(user.email);
    await node.api.end('logout', other.accessToken);
    expect(await answer.textContent()).toMatch(/"current":\s*false/);
  });

  expect(faults).toEqual([]);
  expect(page.url()).toBe(`${node.url}/graphql`);
  expect(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toContain(
    accessToken,
  );
});

test('the operations that GraphiQL opens with are those of the schema', async () => {
  const script = await (await fetch(`${node.url}/graphiql/page.js`)).text();
  const operations = parse(/`(.*?)`/s.exec(script)?.[1] ?? '');
  const schema = buildSchema(readFileSync(join(__dirname, '../../schema.graphql'), 'utf8'));
  expect(validate(schema, operations)).toEqual([]);
});

test('production serves no page', async () => {
  const own = await world.node({ NODE_ENV: 'production' });
  const page = await fetch(`${own.url}/graphql`, HTML);
  expect(page.status).toBe(400);
  expect(page.headers.get('content-type')).toMatch(/json/);
  expect((await fetch(`${own.url}/graphiql/page.js`)).status).toBe(404);
});
