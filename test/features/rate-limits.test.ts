import { eventually } from '../support/eventually';
import { createWorld, type TestNode, type World } from '../support/world';

// With Redis all nodes count together. Without it each node counts for itself, which one node shows.
describe.each([
  ['in Redis, all nodes together', undefined],
  ['in memory', null],
])('rate limits, %s', (_where, redis) => {
  let world: World;
  let nodes: TestNode[];

  beforeAll(async () => {
    world = await createWorld({ redis });
    const count = redis === null ? 1 : 2;
    nodes = await Promise.all(
      Array.from({ length: count }, () =>
        world.node({ RATE_LIMIT: 'on', TRUST_PROXY: 'true', PASSWORD_ATTEMPTS_PER_HOUR: '30' }),
      ),
    );
  });
  afterAll(() => world.close());

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

  test('an address may try an account ten times a minute, and other addresses are not blocked', async () => {
    const answers = await times(13, (node) => login(node, 'target@example.com', '192.0.2.1'));
    expect(limited(answers)).toBe(3);
    const refused = await login(nodes[0]!, 'TARGET@example.com', '192.0.2.1');
    expect(refused).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.errors?.[0]?.extensions.retryAfter).toBe(Number(refused.headers.get('retry-after')));
    expect((await login(nodes[0]!, 'target@example.com', '192.0.2.2')).code).toBe('INVALID_CREDENTIALS');
    expect((await login(nodes[0]!, 'other@example.com', '192.0.2.1')).code).toBe('INVALID_CREDENTIALS');
  });

  test('only the address that the proxy adds is believed', async () => {
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
  ])('every form of an address is one address: %s', async (_name, addressOf) => {
    const answers = await times(13, (node, i) =>
      login(node, `written${addressOf(0)}@example.com`.replace(/[^\w@.]/g, ''), addressOf(i)),
    );
    expect(limited(answers)).toBe(3);
  });

  test('an address may register twenty accounts a minute, and an IPv6 /64 is one address', async () => {
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

  const refresh = (node: TestNode, refreshToken: string, address: string) =>
    node.api.send(
      'mutation($token: String) { refresh(refreshToken: $token) { accessToken refreshToken } }',
      { token: refreshToken },
      undefined,
      from(address),
    );
  const revoke = async (node: TestNode, token: string, address: string) => {
    const answer = await fetch(`${node.url}/oauth/revoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...from(address) },
      body: new URLSearchParams({ token }),
    });
    await answer.text();
    return { status: answer.status, code: answer.status === 429 ? 'RATE_LIMITED' : undefined };
  };

  test('bad tokens of a neighbour do not block good ones', async () => {
    const { refreshToken } = await nodes[0]!.api.register('neighbour@example.com');
    const unknown = 'x'.repeat(84);
    const answers = [
      ...(await times(35, (node) => refresh(node, 'x', '192.0.2.3'))),
      ...(await times(15, (node) => refresh(node, unknown, '192.0.2.3'))),
      ...(await times(15, (node) => revoke(node, 'x', '192.0.2.3'))),
    ];
    expect(limited(answers)).toBe(5);
    const good = await refresh(nodes[0]!, refreshToken, '192.0.2.3');
    expect(good.code).toBeUndefined();
    expect(await revoke(nodes[0]!, good.data.refresh.refreshToken, '192.0.2.3')).toMatchObject({
      status: 200,
    });
  });

  test('a session may refresh sixty times a minute, from any address', async () => {
    let { refreshToken } = await nodes[0]!.api.register('fast@example.com');
    for (let i = 0; i < 60; i++)
      refreshToken = (await refresh(nodes[0]!, refreshToken, `198.51.100.${i}`)).data.refresh.refreshToken;
    expect((await refresh(nodes[0]!, refreshToken, '198.51.100.99')).code).toBe('RATE_LIMITED');
  });

  test('a session may write 120 times a minute, and can end itself after that', async () => {
    const { accessToken } = await nodes[0]!.api.register('writer@example.com');
    const write = 'logoutSession(sessionId: "00000000-0000-4000-8000-000000000000") { scope }';
    const ten = `mutation { ${Array.from({ length: 10 }, (_, n) => `a${n}: ${write}`).join(' ')} }`;
    // A failed mutation ends the request only if its field is non-null, so each counts one.
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 125 && codes.at(-1) !== 'RATE_LIMITED'; i++)
      codes.push((await nodes[0]!.api.send(ten, {}, accessToken)).code);
    expect(codes.filter((code) => code === 'NOT_FOUND')).toHaveLength(120);
    expect(codes.at(-1)).toBe('RATE_LIMITED');
    expect(await nodes[0]!.api.end('logoutEverywhere', accessToken)).toMatchObject({ endedSessions: 1 });
  });

  const signIn = (node: TestNode, email: string, address: string) =>
    node.api.send(
      'mutation($input: LoginInput!) { login(input: $input) { accessToken } }',
      { input: { email, password: 'correct horse battery' } },
      undefined,
      from(address),
    );

  test('an account may be tried thirty times an hour, except from its known networks', async () => {
    const email = 'hunted@example.com';
    await nodes[0]!.api.register(email);
    await signIn(nodes[0]!, email, '2001:db8:aaaa:1::1');
    for (const account of [email, 'unknown@example.com']) {
      const answers = await times(40, (node, i) => login(node, account, `2001:db8:bbbb:${i}::1`));
      expect(limited(answers)).toBe(10);
    }
    // Refused with the right password too, or the limit would reveal it.
    expect((await signIn(nodes[0]!, email, '203.0.113.77')).code).toBe('RATE_LIMITED');
    expect((await signIn(nodes[0]!, email, '2001:db8:aaaa:1::2')).code).toBeUndefined();
    const guesses = await times(4, (node) => login(node, email, '2001:db8:aaaa:1::3'));
    expect(limited(guesses)).toBe(0);
  });

  test('a right password does not count towards the hour, and a session has its own limit', async () => {
    const email = 'often@example.com';
    const { accessToken } = await nodes[0]!.api.register(email);
    for (let i = 0; i < 35; i++)
      expect((await signIn(nodes[0]!, email, `198.51.100.${100 + i}`)).code).toBeUndefined();
    await times(40, (node, i) => login(node, email, `2001:db8:cccc:${i}::1`));
    const change = 'mutation($i: ChangePasswordInput!) { changePassword(input: $i) { accessToken } }';
    const i = { currentPassword: 'correct horse battery', newPassword: 'battery horse correct' };
    const answer = await nodes[0]!.api.send(change, { i }, accessToken, from('203.0.113.78'));
    expect(answer.code).toBeUndefined();
  });

  test('the audit log names the limit that was reached', async () => {
    await times(11, (node) => login(node, 'audited@example.com', '192.0.2.200'));
    await eventually(async () => {
      const events = await world.sql(
        "select reason, ip_address from audit_events where type = 'RATE_LIMIT_REACHED' and ip_address = '192.0.2.200'",
      );
      expect(events).toEqual([{ reason: 'password-by-account-and-address', ip_address: '192.0.2.200' }]);
    });
  });

  test('ordinary queries are not limited', async () => {
    const answers = await times(150, (node) => node.api.me());
    expect(limited(answers)).toBe(0);
  });

  test('each mutation of a request counts', async () => {
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
