import { THIS_SERVER } from '../../src/redis/script';
import { withRedis } from '../support/redis';
import { startRedis, type TestServer } from '../support/servers';

let server: TestServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.dispose());

/** Hides the server behind one whose INFO takes one section at a time, as before Redis 7. */
const BEFORE_REDIS_7 = `
  local real = redis
  local redis = {call = real.call, error_reply = real.error_reply}
  function redis.pcall(...)
    if select('#', ...) > 2 then return {err = 'ERR syntax error'} end
    return real.pcall(...)
  end`;

test('a script identifies its server, whether or not INFO takes several sections', async () => {
  await withRedis(server.url, async (client) => {
    const run = await client.eval(`${THIS_SERVER} return run`, 0);
    expect(run).toMatch(/^[0-9a-f]{40}:[0-9a-f]{40}$/);
    expect(await client.eval(`${BEFORE_REDIS_7} ${THIS_SERVER} return run`, 0)).toBe(run);
  });
});

/** Hides a field of INFO, as a managed Redis may. */
const without = (field: string) => `
  local real = redis
  local redis = {error_reply = real.error_reply}
  function redis.pcall(...)
    local info = real.pcall(...)
    return type(info) == 'string' and string.gsub(info, '${field}:', 'hidden:') or info
  end`;

test.each(['run_id', 'master_replid'])('a Redis whose INFO hides %s is refused', async (field) => {
  await withRedis(server.url, async (client) => {
    await expect(client.eval(`${without(field)} ${THIS_SERVER} return run`, 0)).rejects.toThrow(
      'Tokenfence needs run_id and master_replid, which INFO does not show',
    );
  });
});

test('a Redis that keeps INFO from scripts is refused', async () => {
  const refusing = `
    local real = redis
    local redis = {error_reply = real.error_reply}
    function redis.pcall() return {err = 'ERR unknown command'} end`;
  await withRedis(server.url, async (client) => {
    await expect(client.eval(`${refusing} ${THIS_SERVER} return run`, 0)).rejects.toThrow(
      'Tokenfence needs INFO in scripts, which this Redis refuses',
    );
  });
});
