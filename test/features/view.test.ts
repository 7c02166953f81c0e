import { eventually } from '../support/eventually';
import { keyIdsOf, metricsOf, untilViewIsCurrent } from '../support/probes';
import { sharedNodes, sharedWorld } from '../support/shared';
import { createWorld, type TestNode } from '../support/world';
import { worldMaker } from '../support/world-maker';

const newWorld = worldMaker(createWorld);
const world = sharedWorld();
const [one, two] = sharedNodes(world, {}, {});

const checks = async (node: TestNode) => {
  const { value } = await metricsOf(node);
  const by = (step: string) =>
    ['GOOD', 'REVOKED', 'EXPIRED'].reduce(
      (sum, answer) => sum + (value(`checks_total{step="${step}",answer="${answer}"}`) ?? 0),
      0,
    );
  return { view: by('view'), redis: by('redis'), postgres: by('postgres') };
};

test('a check asks neither Redis nor Postgres, for good and revoked tokens', async () => {
  // A lease that does not lapse on a busy machine.
  const own = await newWorld();
  const env = { REVOCATION_LEASE: '10s' };
  const [here, there] = [await own.node(env), await own.node(env)];
  const [good, gone] = [
    await here.api.register('good@example.com'),
    await here.api.register('gone@example.com'),
  ];
  await Promise.all([here, there].map(untilViewIsCurrent));
  await there.api.end('logout', gone.accessToken);
  const before = await checks(here);
  for (let i = 0; i < 50; i++) {
    expect((await here.api.send('{ __typename }', {}, good.accessToken)).status).toBe(200);
    expect((await here.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
  }
  expect(await checks(here)).toEqual({ ...before, view: before.view + 100 });
});

test('the metrics show the view, the confirmations and the stores', async () => {
  await Promise.all([one, two].map(untilViewIsCurrent));
  const tokens = await one.api.register('measured@example.com');
  expect(await one.api.end('logoutEverywhere', tokens.accessToken)).toMatchObject({ confirmed: true });
  await eventually(async () => {
    const [{ value: mine }, { value: theirs }] = [await metricsOf(one), await metricsOf(two)];
    const confirmed = (way: string) => mine(`confirmation_seconds_count{way="${way}"}`) ?? 0;
    expect(confirmed('applied') + confirmed('outwaited')).toBe(1);
    expect(mine('view_size')).toBeGreaterThanOrEqual(1);
    expect(theirs('view_size')).toBe(mine('view_size'));
    expect(mine('view_current')).toBe(1);
    expect(mine('view_lag')).toBe(0);
    expect(mine('redis_reached')).toBe(1);
    expect(mine('relay_backlog')).toBe(0);
    expect(mine('unconfirmed_receipts_total')).toBe(0);
  });
});

test('a revoked key is removed at once on every node', async () => {
  const root = await one.api.loginAsAdmin();
  for (const { api } of [one, two]) expect((await api.me(root.accessToken)).status).toBe(200);
  const answer = await one.api.send(
    'mutation { rotateSigningKey(revokeOld: true) { id } }',
    {},
    root.accessToken,
  );
  expect(answer.extensions?.revocations).toMatchObject([{ scope: 'EVERYONE', confirmed: true }]);
  for (const { api } of [one, two]) expect((await api.me(root.accessToken)).reason).toBe('TOKEN_REVOKED');
  const kid = answer.data.rotateSigningKey.id as string;
  for (const node of [one, two]) {
    await eventually(async () => expect(await keyIdsOf(node)).toEqual([kid]));
  }
});

test('a node with another lease refuses to start and says what to do', async () => {
  await expect(world.node({ REVOCATION_LEASE: '200ms' })).rejects.toThrow(
    /REVOCATION_LEASE of 1000ms, this node with 200ms.*npx tokenfence admin lease 200ms/s,
  );
});
