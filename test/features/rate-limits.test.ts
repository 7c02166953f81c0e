import { createWorld, type TestNode, type World } from '../support/world';

// By Redis all nodes count together; without it each for itself, which one node is enough to show.
describe.each([
  ['in Redis, all nodes together', undefined],
  ['in memory', null],
])('rate limits, %s', (_where, redis) => {
  let world: World;
  let nodes: TestNode[];

  beforeEach(async () => {
    world = await createWorld({ redis });
    const count = redis === null ? 1 : 2;
    nodes = await Promise.all(
      Array.from({ length: count }, () => world.node({ RATE_LIMIT: 'on', TRUST_PROXY: 'true' })),
    );
  });
  afterEach(() => world.close());

  const times = (
    n: number,
    call: (node: TestNode, i: number) => Promise<{ status: number; code: string | undefined }>,
  ) => Promise.all(Array.from({ length: n }, (_, i) => call(nodes[i % nodes.length]!, i)));
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const login = (node: TestNode, email: string, address: string) =>
    node.api.send(
      'mutation($input: LoginInput!) { login(input: $input) { accessToken } }',
      { input: { email, password: 'wrong password' } },
      undefined,
      from(address),
    );
  const limited = (answers: { code: string | undefined }[]) =>
    answers.filter(({ code }) => code === 'RATE_LIMITED').length;

  test('an account is tried ten times a minute from an address, and nobody is locked out from elsewhere', async () => {
    const answers = await times(13, (node) => login(node, 'target@example.com', '192.0.2.1'));
    expect(limited(answers)).toBe(3);
    const refused = await login(nodes[0]!, 'TARGET@example.com', '192.0.2.1');
    expect(refused).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.errors?.[0]?.extensions.retryAfter).toBe(Number(refused.headers.get('retry-after')));
    expect((await login(nodes[0]!, 'target@example.com', '192.0.2.2')).code).toBe('INVALID_CREDENTIALS');
    expect((await login(nodes[0]!, 'other@example.com', '192.0.2.1')).code).toBe('INVALID_CREDENTIALS');
  });

  test('a client cannot choose its address: only what the proxy adds is believed', async () => {
    const answers = await times(13, (node, i) =>
      login(node, 'forged@example.com', `203.0.113.${i}, 192.0.2.9`),
    );
    expect(limited(answers)).toBe(3);
  });

  test.each([
    ['an IPv4 address with the port of each connection', (i: number) => `192.0.2.5:${40000 + i}`],
    ['an IPv6 address in brackets with a port', (i: number) => `[2001:db8::5]:${40000 + i}`],
    ['an IPv6 address with a zone', (i: number) => `fe80::1%eth${i}`],
    ['words that are not an address', (i: number) => `unknown${i}`],
  ])('however the proxy writes it, it is one address: %s', async (_name, addressOf) => {
    const answers = await times(13, (node, i) => login(node, 'written@example.com', addressOf(i)));
    expect(limited(answers)).toBe(3);
  });

  test('an address registers twenty accounts a minute, and one network of IPv6 is one address', async () => {
    const answers = await times(23, (node, i) =>
      node.api.send(
        'mutation($input: RegisterInput!) { register(input: $input) { accessToken } }',
        { input: { email: `n${i}@example.com`, password: 'correct horse battery' } },
        undefined,
        from(`2001:db8:0:1::${i + 1}`),
      ),
    );
    expect(limited(answers)).toBe(3);
  });

  test('an address refreshes sixty times a minute', async () => {
    const answers = await times(65, (node) =>
      node.api.send(
        'mutation { refresh(refreshToken: "x") { accessToken } }',
        {},
        undefined,
        from('192.0.2.3'),
      ),
    );
    expect(limited(answers)).toBe(5);
  });

  test('ordinary queries are not limited', async () => {
    const answers = await times(150, (node) => node.api.me());
    expect(limited(answers)).toBe(0);
  });

  test('mutations in one request are counted one by one', async () => {
    await nodes[0]!.api.register('batch@example.com');
    const one =
      'login(input: {email: "batch@example.com", password: "correct horse battery"}) { accessToken }';
    const batch = `mutation { ${Array.from({ length: 5 }, (_, n) => `a${n}: ${one}`).join(' ')} }`;
    const answers = [];
    for (let i = 0; i < 3; i++)
      answers.push(await nodes[0]!.api.send(batch, {}, undefined, from('192.0.2.4')));
    expect(answers.map(({ code }) => code)).toEqual([undefined, undefined, 'RATE_LIMITED']);
  });
});
