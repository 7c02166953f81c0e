import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/servers';
import { createWorld, type World } from '../support/world';
import { EXAMPLES, type ExampleProcess, startExample } from './example-process';

const INTROSPECTION_SECRET = 'only for tests: 4Rk8wQz1Lm6Xv3Tp9Yb2';

let world: World;
let service: ExampleProcess | undefined;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await service?.stop();
  await world.close();
});

test('the demo shows requests served, a refresh before the token expires, and the end of the session', async () => {
  const [authPort, port] = [String(await freePort()), String(await freePort())];
  const urls = { AUTH_URL: `http://127.0.0.1:${authPort}`, API_URL: `http://127.0.0.1:${port}` };
  await world.node({
    ...{ PORT: authPort, ISSUER: urls.AUTH_URL },
    ...{ INTROSPECTION_SECRET, ACCESS_TOKEN_TTL: '3s' },
  });
  service = await startExample(join(EXAMPLES, 'apollo-service/service.mjs'), 'is ready at', {
    ...{ ISSUER: urls.AUTH_URL, INTROSPECTION_SECRET, PORT: port },
  });
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(EXAMPLES, 'browser-client/demo.mjs')],
    { env: urls },
  );
  expect(stdout.split('\n').map((line) => line.trim())).toEqual([
    'Ada signs up.',
    '20 requests served',
    'Her access token is about to expire.',
    '20 requests served',
    'refreshes: 1',
    'She logs out everywhere, on another device.',
    'the session has ended (ended): a page would show the sign-in form now',
    '20 requests refused',
    '',
  ]);
});
