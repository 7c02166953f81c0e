import { eventually } from '../support/eventually';
import { type NodeProcess, startNodeProcess } from '../support/node-process';
import { readinessOf } from '../support/probes';
import { sharedWorld } from '../support/shared';

const processes: NodeProcess[] = [];
afterAll(() => {
  for (const process of processes) process.signal('SIGKILL');
});
const world = sharedWorld();

test('a resumed node refuses tokens whose revocation was confirmed while it was paused', async () => {
  const env = { DATABASE_URL: world.databaseUrl, REDIS_URL: world.redisUrl };
  const [awake, asleep] = [await startNodeProcess(env), await startNodeProcess(env)];
  processes.push(awake, asleep);
  for (let i = 0; i < 5; i++) {
    const tokens = await awake.api.register(`paused${i}@example.com`);
    const stays = await awake.api.register(`stays${i}@example.com`);
    await eventually(async () => {
      expect((await asleep.api.me(tokens.accessToken)).status).toBe(200);
      expect(await readinessOf(asleep)).toMatchObject({ view: 'current' });
    });
    asleep.signal('SIGSTOP');
    expect(await awake.api.end('logoutEverywhere', tokens.accessToken)).toMatchObject({ confirmed: true });
    // The requests wait in the socket's buffer. The node may read them before any of its timers fires.
    const answers = Promise.all(Array.from({ length: 10 }, () => asleep.api.me(tokens.accessToken)));
    const good = asleep.api.me(stays.accessToken);
    asleep.signal('SIGCONT');
    expect(new Set((await answers).map(({ reason }) => reason))).toEqual(new Set(['TOKEN_REVOKED']));
    expect((await good).status).toBe(200);
  }
});
