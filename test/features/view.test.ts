import { eventually } from '../support/eventually';
import { ADMIN, createWorld, type TestNode, type World } from '../support/world';

let world: World;
let one: TestNode;
let two: TestNode;

beforeAll(async () => {
  world = await createWorld();
  [one, two] = await Promise.all([world.node(), world.node()]);
});
afterAll(() => world.close());

const metricsOf = async ({ url }: TestNode) => {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  return (name: string) => {
    const line = text.split('\n').find((each) => each.startsWith(`tokenfence_${name} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
};
const checks = async (node: TestNode) => {
  const read = await metricsOf(node);
  const by = (step: string) =>
    ['GOOD', 'REVOKED', 'EXPIRED'].reduce(
      (sum, answer) => sum + (read(`checks_total{step="${step}",answer="${answer}"}`) ?? 0),
      0,
    );
  return { view: by('view'), redis: by('redis'), postgres: by('postgres') };
};
const current = (node: TestNode) =>
  eventually(async () =>
    expect(await (await fetch(`${node.url}/readyz`)).json()).toEqual({
      status: 'ready',
      degraded: [],
      view: 'current',
    }),
  );

test('a check asks neither Redis nor Postgres, whether the token is good or revoked', async () => {
  // A lease that no busy machine lets lapse.
  const own = await createWorld();
  try {
    const env = { REVOCATION_LEASE: '10s' };
    const [here, there] = [await own.node(env), await own.node(env)];
    const [good, gone] = [
      await here.api.register('good@example.com'),
      await here.api.register('gone@example.com'),
    ];
    await Promise.all([current(here), current(there)]);
    await there.api.end('logout', gone.accessToken);
    const before = await checks(here);
    for (let i = 0; i < 50; i++) {
      expect((await here.api.send('{ __typename }', {}, good.accessToken)).status).toBe(200);
      expect((await here.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
    }
    expect(await checks(here)).toEqual({ ...before, view: before.view + 100 });
  } finally {
    await own.close();
  }
});

test('the metrics show the view, the confirmations and what is out', async () => {
  await Promise.all([current(one), current(two)]);
  const tokens = await one.api.register('measured@example.com');
  expect(await one.api.end('logoutEverywhere', tokens.accessToken)).toMatchObject({ confirmed: true });
  await eventually(async () => {
    const [mine, theirs] = [await metricsOf(one), await metricsOf(two)];
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

test('a revoked key is dropped at once on every node', async () => {
  const root = await one.api.login(ADMIN.email, ADMIN.password);
  for (const { api } of [one, two]) expect((await api.me(root.accessToken)).status).toBe(200);
  const answer = await one.api.send(
    'mutation { rotateSigningKey(revokeOld: true) { id } }',
    {},
    root.accessToken,
  );
  expect(answer.extensions?.revocations).toMatchObject([{ scope: 'EVERYONE', confirmed: true }]);
  for (const { api } of [one, two]) expect((await api.me(root.accessToken)).reason).toBe('TOKEN_REVOKED');
  const kid = answer.data.rotateSigningKey.id as string;
  for (const { url } of [one, two]) {
    await eventually(async () => {
      const jwks = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as {
        keys: { kid: string }[];
      };
      expect(jwks.keys.map((key) => key.kid)).toEqual([kid]);
    });
  }
});

test('nodes that disagree about the lease refuse to start, and say what to do', async () => {
  await expect(world.node({ REVOCATION_LEASE: '200ms' })).rejects.toThrow(
    /REVOCATION_LEASE of 1000ms, this node with 200ms.*npx tokenfence admin lease 200ms/s,
  );
});
