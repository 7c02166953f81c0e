import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ADMIN, PASSWORD } from '../support/api';
import { startChromium } from '../support/chromium';
import { eventually } from '../support/eventually';
import { closeServer, listen } from '../support/listen';
import { createWorld, type TestNode, type World } from '../support/world';

let world: World;
let node: TestNode;
let browser: Browser;
let pages: Server;
let pageUrl: string;

/** Browsers keep a Secure cookie over http only from localhost. */
const local = (url: string) => url.replace('127.0.0.1', 'localhost');

beforeAll(async () => {
  const script = build({
    ...{ entryPoints: [join(__dirname, 'page.mjs')], bundle: true, write: false, format: 'esm' },
  });
  pages = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    if (isScript) void script.then(({ outputFiles }) => response.end(outputFiles[0]?.text));
    else
      response.end(`<!doctype html><title>Session</title><output style="white-space: pre"></output>
        <script>authUrl = ${JSON.stringify(local(node.url))}</script><script type="module" src="/page.js"></script>`);
  });
  pageUrl = local(await listen(pages));
  [world, browser] = await Promise.all([createWorld(), startChromium(), script]);
  node = await world.node({ CORS_ORIGINS: pageUrl });
});
afterAll(async () => {
  await browser.close();
  await closeServer(pages);
  await world.close();
});

interface Tab {
  readonly page: Page;
  /** Runs an expression in the page. */
  readonly run: <T>(expression: string) => Promise<T>;
}
const status = ({ run }: Tab) => run<string>('session.getSnapshot().status');
const ask = ({ run }: Tab, times = 1) =>
  run<string[]>(`Promise.all(Array.from({ length: ${times} }, () => ask()))`);
/** What all tabs answer, if they answer the same. */
async function all<T>(tabs: readonly Tab[], expression: string): Promise<T | T[]> {
  const answers = await Promise.all(tabs.map(({ run }) => run<T>(expression)));
  return new Set(answers.map((answer) => JSON.stringify(answer))).size === 1 ? answers[0]! : answers;
}
const leaders = async (tabs: readonly Tab[]) => {
  const answers = await Promise.all(tabs.map(({ run }) => run<boolean>('leads()')));
  return tabs.filter((_, index) => answers[index]);
};

/** A browser of its own, with three tabs in which a user is signed in. */
async function openThree() {
  const { user } = await node.api.newUser();
  const context: BrowserContext = await browser.newContext();
  let refreshes = 0;
  context.on('requestfinished', (request) => {
    if (request.postData()?.includes('{refresh{')) refreshes += 1;
  });
  const open = async (): Promise<Tab> => {
    const page = await context.newPage();
    await page.goto(pageUrl);
    return { page, run: (expression) => page.evaluate(expression) };
  };
  const tabs = await Promise.all([open(), open(), open()]);
  await all(tabs, 'session.ready().then(() => null)');
  await tabs[1].run(`session.login({ email: '${user.email}', password: '${PASSWORD}' })`);
  await eventually(async () => expect(await all(tabs, 'session.getSnapshot().status')).toBe('signedIn'));
  return {
    ...{ user, context, tabs, open },
    /** Counts the refreshes of this browser while something happens. */
    refreshesOf: async (run: () => Promise<unknown>): Promise<number> => {
      const before = refreshes;
      await run();
      return refreshes - before;
    },
  };
}
/** Ends the user's access tokens, and keeps the sessions. */
async function revokeTokens(userId: string): Promise<void> {
  const { accessToken } = await node.api.login(ADMIN.email, ADMIN.password);
  await node.api.mutate(`setRole(userId: "${userId}", role: ADMIN) { id }`, accessToken);
}

test('one tab refreshes for all three: at a reload, and after a refusal in all of them', async () => {
  const { user, tabs, refreshesOf, context } = await openThree();
  expect(await leaders(tabs)).toHaveLength(1);
  const reloads = await refreshesOf(async () => {
    await Promise.all(tabs.map(({ page }) => page.reload()));
    expect(await all(tabs, 'session.ready().then(({ status }) => status)')).toBe('signedIn');
  });
  // None, if one tab was still there when the others came back.
  expect(reloads).toBeLessThanOrEqual(1);
  await revokeTokens(user.id);
  const refusals = await refreshesOf(async () => {
    const answers = await Promise.all(tabs.map((tab) => ask(tab, 5)));
    expect(new Set(answers.flat())).toEqual(new Set([user.email]));
  });
  expect(refusals).toBe(1);
  await context.close();
});

test('when the leading tab is closed, another one leads, and a tab that is opened then needs no refresh', async () => {
  const { user, tabs, refreshesOf, open, context } = await openThree();
  const [leader] = await leaders(tabs);
  await leader!.page.close();
  const rest = tabs.filter((tab) => tab !== leader);
  await eventually(async () => expect(await leaders(rest)).toHaveLength(1));
  await revokeTokens(user.id);
  const refusals = await refreshesOf(async () => {
    expect(await Promise.all(rest.map((tab) => ask(tab)))).toEqual([[user.email], [user.email]]);
  });
  expect(refusals).toBe(1);
  const opened = await refreshesOf(async () => expect(await ask(await open())).toEqual([user.email]));
  expect(opened).toBe(0);
  await context.close();
});

test('sockets connect again with the new token, and the end of the session reaches each tab once, by itself', async () => {
  const { user, tabs, context } = await openThree();
  await all(tabs, 'listen()');
  await eventually(async () => expect(await all(tabs, 'heard.connected')).toBe(1));
  // The server closes every socket with its token.
  await revokeTokens(user.id);
  await eventually(async () => expect(await all(tabs, 'heard.connected')).toBe(2));
  // The page leaves its socket with its token.
  await tabs[0].run('session.refresh()');
  await eventually(async () => expect(await all(tabs, 'heard.connected')).toBe(3));
  const other = await node.api.login(user.email);
  await node.api.end('logout', other.accessToken);
  await eventually(async () => expect(await all(tabs, 'heard.events.at(-1)')).toEqual({ current: false }));
  const another = await node.api.login(user.email);
  await node.api.end('logoutEverywhere', another.accessToken);
  await eventually(async () => expect(await all(tabs, 'ends')).toEqual(['ended']));
  expect(await all(tabs, 'session.getSnapshot()')).toEqual({ status: 'signedOut', reason: 'ended' });
  expect(await all(tabs, 'heard.closed')).toEqual(['TOKEN_REVOKED']);
  expect(await Promise.all(tabs.map((tab) => ask(tab, 3)))).toEqual(Array(3).fill(Array(3).fill('nobody')));
  expect(await all(tabs, 'ends')).toEqual(['ended']);
  await context.close();
});

test('without the network the session goes on, and with it all three are back with one refresh', async () => {
  const { user, tabs, refreshesOf, context } = await openThree();
  await revokeTokens(user.id);
  expect(await ask(tabs[0])).toEqual([user.email]);
  await context.setOffline(true);
  expect(await tabs[0].run('session.refresh().catch(({ code }) => code)')).toBe('UNREACHABLE');
  await eventually(async () => expect(await all(tabs, 'session.getSnapshot().status')).toBe('reconnecting'));
  const back = await refreshesOf(async () => {
    await context.setOffline(false);
    await eventually(async () => expect(await all(tabs, 'session.getSnapshot().status')).toBe('signedIn'));
    expect(await Promise.all(tabs.map((tab) => ask(tab)))).toEqual(Array(3).fill([user.email]));
  });
  expect(back).toBe(1);
  expect(await all(tabs, 'ends')).toEqual([]);
  await context.close();
});

test('a logout in one tab ends all, each once, and nothing of the session was ever stored for scripts', async () => {
  const { tabs, context } = await openThree();
  const stored = `indexedDB.databases().then((databases) => ({
    databases, cookie: document.cookie, stored: { ...localStorage, ...sessionStorage },
  }))`;
  const nothing = { databases: [], cookie: '', stored: {} };
  expect(await all(tabs, stored)).toEqual(nothing);
  expect(await tabs[2].run('session.logout()')).toEqual({ confirmed: true });
  await eventually(async () => expect(await all(tabs, 'ends')).toEqual(['logout']));
  expect(await all(tabs, 'session.getSnapshot()')).toEqual({ status: 'signedOut', reason: 'logout' });
  await tabs[0].page.reload();
  expect(await tabs[0].run('session.ready()')).toEqual({ status: 'signedOut' });
  expect(await status(tabs[1])).toBe('signedOut');
  expect(await all(tabs, stored)).toEqual(nothing);
  expect(await context.cookies()).toEqual([]);
  await context.close();
});
