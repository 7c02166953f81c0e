import { randomUUID } from 'node:crypto';
import { cutOffNodeMaker } from '../../support/cut-off';
import { eventually } from '../../support/eventually';
import { withRedis } from '../../support/redis';
import { ENV, introspect, isActive, type OAuthAnswer, revoke } from './client';

const newCutOffNode = cutOffNodeMaker();

const expectUnavailable = async (answer: Promise<OAuthAnswer>) => {
  const { status, headers, body } = await answer;
  expect(status).toBe(503);
  expect(headers.get('retry-after')).toBe('1');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(body).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) });
};

test('records answer without Postgres; without any store the answer is 503', async () => {
  const { world, node, postgres, redis } = await newCutOffNode(ENV);
  const known = await node.api.newUser();
  const unknown = await node.api.newUser();
  const gone = await node.api.newUser();
  const records = () => withRedis(world.redisUrl!, async (client) => (await client.keys('*record*')).join());
  // The node has a view, so no record exists yet. Introspection fills records for services without a view.
  expect(await records()).not.toContain(known.user.id);
  await eventually(async () => {
    for (const { accessToken } of [known, gone]) expect(await isActive(node, accessToken)).toBe(true);
    expect(await records()).toContain(known.user.id);
    expect(await records()).toContain(gone.user.id);
  });
  await node.api.end('logout', gone.accessToken);

  postgres.cut();
  expect(await isActive(node, known.accessToken)).toBe(true);
  expect(await isActive(node, gone.accessToken)).toBe(false);
  await expectUnavailable(introspect(node, unknown.accessToken));
  await expectUnavailable(introspect(node, known.refreshToken));
  // A token of an unknown key may be of a new one. With a known key, the node itself sees that a token is made up.
  await expectUnavailable(introspect(node, '_'.repeat(84)));
  expect(await isActive(node, `${known.refreshToken.slice(0, 30)}${'A'.repeat(54)}`)).toBe(false);
  for (const token of [known.accessToken, known.refreshToken]) await expectUnavailable(revoke(node, token));

  redis.cut();
  for (const { accessToken } of [known, unknown, gone])
    await expectUnavailable(introspect(node, accessToken));
  await expectUnavailable(revoke(node, known.accessToken));

  postgres.restore();
  redis.restore();
  await eventually(async () => expect(await isActive(node, known.accessToken)).toBe(true));
  expect(await isActive(node, known.refreshToken)).toBe(true);
  expect(await isActive(node, gone.accessToken)).toBe(false);
});

test('a revocation that cannot reach Redis is answered as unconfirmed, and introspection knows it', async () => {
  const { node, redis } = await newCutOffNode(ENV);
  const { accessToken, refreshToken } = await node.api.newUser();
  await isActive(node, accessToken);
  redis.cut();
  const { status, body } = await revoke(node, refreshToken);
  expect({ status, body }).toEqual({
    status: 200,
    body: { confirmed: false, unconfirmedReason: expect.stringContaining('Redis') },
  });
  for (const token of [accessToken, refreshToken]) expect(await isActive(node, token)).toBe(false);
  redis.restore();
  await eventually(async () => expect((await revoke(node, refreshToken)).body).toEqual({ confirmed: true }));
});

test('a token of an unknown key gets 503 while the keys cannot be read', async () => {
  const { node, postgres } = await newCutOffNode(ENV);
  const { accessToken } = await node.api.newUser();
  const [, payload, signature] = accessToken.split('.');
  const header = { alg: 'ES256', typ: 'at+jwt', kid: randomUUID() };
  const foreign = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
  expect(await isActive(node, foreign)).toBe(false);
  postgres.cut();
  await eventually(async () => expect((await introspect(node, foreign)).status).toBe(503));
  expect(await isActive(node, 'malformed')).toBe(false);
});
