import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { systemClock } from '../../src/core/clock';
import { PASSWORD } from '../support/api';
import { closeServer, listen } from '../support/listen';
import { metricsOf } from '../support/probes';
import { shared, sharedWorld } from '../support/shared';

const BREACHED = 'a password that leaked';
const OTHER = 'another horse battery';

const hashOf = (password: string) => createHash('sha1').update(password).digest('hex').toUpperCase();
const lineOf = (password: string, count: number) => `${hashOf(password).slice(5)}:${count}`;

/** A range API. It gives the same answer to every question. */
const asked: IncomingMessage[] = [];
let answer: (response: ServerResponse) => void;
const list = (...lines: string[]) => {
  answer = (response) => response.end(lines.join('\r\n'));
};
const api = createServer((request, response) => {
  asked.push(request);
  answer(response);
});

/** ms that the clock of the node is ahead. */
let ahead = 0;
const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };

const world = sharedWorld();
const range = shared(async () => ({ url: `${await listen(api)}/range/` }));
const node = shared(() =>
  world.node(
    { PASSWORD_BREACH_CHECK: 'on', PASSWORD_BREACH_URL: range.url, SERVICE_NAME: 'Roses & Co' },
    clock,
  ),
);
afterAll(() => closeServer(api));
beforeEach(() => {
  asked.length = 0;
  list(lineOf('something else', 3), lineOf(OTHER, 0));
});

const checks = async () => {
  const { value } = await metricsOf(node);
  const of = (kind: string) => value(`breach_checks_total{answer="${kind}"}`) ?? 0;
  return { clean: of('clean'), breached: of('breached'), unavailable: of('unavailable') };
};
const warnings = () =>
  node.log.filter((line) => line.includes('The list of breached passwords cannot be asked.'));

let users = 0;
const register = (password: string) => node.api.tryRegister(`breach${++users}@example.com`, password);
const changePassword = (accessToken: string, newPassword: string) =>
  node.api.send(
    'mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
    { input: { currentPassword: PASSWORD, newPassword } },
    accessToken,
  );
const refused = {
  status: 400,
  code: 'BAD_USER_INPUT',
  errors: [{ message: expect.stringContaining('data breach') as string }],
};

test('only five digits of the hash of a password are sent, and padding is asked for', async () => {
  expect(await register(OTHER)).toMatchObject({ status: 200 });
  expect(asked.map(({ method, url, headers }) => [method, url, headers['add-padding']])).toEqual([
    ['GET', `/range/${hashOf(OTHER).slice(0, 5)}`, 'true'],
  ]);
});

test('a breached password is refused, at registration and when it is changed', async () => {
  const { accessToken } = await node.api.newUser();
  const before = await checks();
  list(lineOf('something else', 3), lineOf(BREACHED, 1).toLowerCase(), '');
  expect(await register(BREACHED)).toMatchObject(refused);
  expect(await changePassword(accessToken, BREACHED)).toMatchObject(refused);
  expect(await changePassword(accessToken, OTHER)).toMatchObject({ status: 200 });
  expect(await checks()).toEqual({ ...before, clean: before.clean + 1, breached: before.breached + 2 });
});

test('the list is not asked about a password that the rules refuse, nor at a login', async () => {
  const { user } = await node.api.newUser();
  asked.length = 0;
  expect(await register('12345678')).toMatchObject({ code: 'BAD_USER_INPUT' });
  expect(await register('Roses & Co!')).toMatchObject({ code: 'BAD_USER_INPUT' });
  await node.api.login(user.email);
  expect(asked).toEqual([]);
});

test.each<[how: string, answer: (response: ServerResponse) => void]>([
  ['does not answer', () => undefined],
  ['stops in the middle', (response) => response.write(`${lineOf(BREACHED, 1)}\r\n`)],
  ['is cut off', (response) => response.destroy()],
  ['answers an error', (response) => response.writeHead(503).end()],
  ['answers a page', (response) => response.end(`<html>\r\n${lineOf(BREACHED, 1)}\r\n</html>`)],
  [
    'answers without an end',
    (response) => {
      const more = () => {
        if (!response.destroyed) response.write(`${lineOf('x', 1)}\r\n`.repeat(5000), more);
      };
      more();
    },
  ],
])('passwords are accepted while the list %s, and the metrics say so', async (_how, answers) => {
  answer = answers;
  const before = await checks();
  const from = Date.now();
  expect(await register(BREACHED)).toMatchObject({ status: 200 });
  // Two seconds, and what a busy machine takes.
  expect(Date.now() - from).toBeLessThan(8000);
  expect(await checks()).toEqual({ ...before, unavailable: before.unavailable + 1 });
});

test('the log says once a minute that the list cannot be asked, without the URL', async () => {
  answer = (response) => response.writeHead(500).end();
  ahead += 60_000;
  const before = warnings().length;
  for (let i = 0; i < 3; i++) await register(OTHER);
  expect(warnings()).toHaveLength(before + 1);
  ahead += 60_000;
  for (let i = 0; i < 3; i++) await register(OTHER);
  expect(warnings()).toHaveLength(before + 2);
  expect(warnings().join()).toContain('the answer was 500');
  expect(warnings().join()).not.toMatch(/127\.0\.0\.1|range/);
});

test('no list is asked if the check is off', async () => {
  const off = await world.node({ PASSWORD_BREACH_URL: range.url });
  list(lineOf(BREACHED, 1));
  expect(await off.api.tryRegister('off@example.com', BREACHED)).toMatchObject({ status: 200 });
  expect(asked).toEqual([]);
});
