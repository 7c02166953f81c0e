import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { QUICK_START } from '../support/embedded-folder';

const ROOT = join(__dirname, '../..');

/** Runs in a process of its own: the embedded Postgres cannot be loaded in jest. */
const SCRIPT = `
const { createTestTokenfence } = require('./dist/src/testing/index.js');
(async () => {
  const hooks = {};
  const auth = await createTestTokenfence({ hooks, hookTimeout: 300 });
  await auth.sql('create table t (id uuid primary key references users on delete cascade, name text not null)');
  const insert = ({ user, sql }, name) => sql('insert into t values ($1, $2)', [user.id, name]);
  const attempt = async (hook) => {
    hooks.registering = hook;
    const outcome = await auth.parts.actions
      .register({ email: 'b@example.com', password: 'correct horse battery' }, { ipAddress: '127.0.0.1' })
      .then(() => 'registered', ({ name, code }) => code ?? name);
    const [counts] = await auth.sql('select (select count(*) from users)::int as users, (select count(*) from t)::int as own');
    return [outcome, counts.users, counts.own];
  };
  const outcomes = [
    await attempt((event) => insert(event, null)),
    await attempt(async (event) => {
      await insert(event, 'B');
      await event.sql('select 1 / 0').catch(() => undefined);
    }),
    await attempt(async (event) => {
      await insert(event, 'B');
      await auth.sql('select 1');
    }),
    await attempt((event) => event.sql('select 1; commit')),
    await attempt((event) => insert(event, 'B')),
  ];
  console.log(JSON.stringify(outcomes));
  await auth.close();
})();`;

test('in the embedded mode a hook joins in its change too, and one that waits for itself is given up', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [QUICK_START, '-e', SCRIPT], { cwd: ROOT });
  expect(JSON.parse(stdout)).toEqual([
    ['HookError', 0, 0],
    // A failure that the hook swallowed must not be answered as a success.
    ['HookError', 0, 0],
    ['SERVICE_UNAVAILABLE', 0, 0],
    ['HookError', 0, 0],
    ['registered', 1, 1],
  ]);
});
