import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ADMIN } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

test('the quickstart shows at each step which tokens are refused, and why', async () => {
  const node = await world.node();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(__dirname, '../../examples/quickstart/quickstart.mjs')],
    { env: { TOKENFENCE_URL: node.url, ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password } },
  );
  const steps = stdout
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .map((line) => line.trim().replace(/-\d+@/, '@').replace(/ {2,}/, ' '));
  expect(steps).toEqual([
    "Ada's phone served, as ada@example.com",
    "Ada's laptop served, as ada@example.com",
    "Ada's tablet served, as ada@example.com",
    'receipt: SESSION, 1 session ended, in force everywhere',
    "Ada's phone refused: TOKEN_REVOKED",
    "Ada's laptop served, as ada@example.com",
    'refresh refused: REFRESH_TOKEN_INVALID',
    // The laptop, the tablet, and the session of the registration.
    'receipt: USER, 3 sessions ended, in force everywhere',
    "Ada's laptop refused: TOKEN_REVOKED",
    "Ada's tablet refused: TOKEN_REVOKED",
    "Ada's laptop served, as ada@example.com",
    'Grace served, as grace@example.com',
    'receipt: USER, 1 session ended, in force everywhere',
    'Grace refused: TOKEN_REVOKED',
    'Ada served, as ada@example.com',
  ]);
});
