import { eventually } from '../support/eventually';
import { startNodeProcess } from '../support/node-process';
import { startProxy } from '../support/proxy';
import { sharedWorld } from '../support/shared';

const world = sharedWorld();

test('another node publishes a revocation whose node was killed after the commit', async () => {
  const proxy = await startProxy(world.redisUrl ?? '');
  const doomed = await startNodeProcess({ DATABASE_URL: world.databaseUrl, REDIS_URL: proxy.url });
  try {
    const tokens = await doomed.api.register('crash@example.com');
    for (let i = 0; i < 2; i++) expect((await doomed.api.me(tokens.accessToken)).status).toBe(200);

    // Its messages to Redis are lost now, so it is killed between commit and publication.
    proxy.silence();
    const answer = doomed.api.end('logoutEverywhere', tokens.accessToken).then(
      () => 'acknowledged',
      () => 'no answer',
    );
    await eventually(async () => {
      expect(await world.sql('select id from revocations where confirmed_at is null')).toHaveLength(1);
    });
    doomed.signal('SIGKILL');
    expect(await doomed.ended).toBe('SIGKILL');
    expect(await answer).toBe('no answer');

    const other = await world.node();
    await eventually(async () =>
      expect((await other.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED'),
    );
    await eventually(async () => {
      expect(await world.sql('select id from revocations where confirmed_at is null')).toHaveLength(0);
    });
  } finally {
    doomed.signal('SIGKILL');
    await proxy.close();
  }
});

test('a stopping node finishes the requests under way', async () => {
  const node = await startNodeProcess({ DATABASE_URL: world.databaseUrl, REDIS_URL: world.redisUrl });
  // Hashing takes long enough for the signal to arrive during it.
  const registrations = Array.from({ length: 8 }, (_, i) => node.api.register(`stop${i}@example.com`));
  await eventually(async () => {
    expect((await world.sql(`select id from users where email like 'stop%'`)).length).toBeGreaterThan(0);
  });
  node.signal('SIGTERM');
  expect(await Promise.all(registrations)).toHaveLength(8);
  expect(await node.ended).toBe(0);
});
