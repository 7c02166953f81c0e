import type { Answer } from '../support/api';
import { eventually } from '../support/eventually';
import { linkMaker } from '../support/links';
import { startMailServer } from '../support/mail-server';
import { shared } from '../support/shared';
import { createWorld, type Env, type TestNode, type World } from '../support/world';

const mail = shared(() => startMailServer());
afterAll(() => mail.close());

const from = (address: string) => ({ 'x-forwarded-for': address });
const codes = (answers: readonly Answer[]) => answers.map(({ code }) => code);
const limited = (answers: readonly Answer[]) =>
  codes(answers).filter((code) => code === 'RATE_LIMITED').length;

const requestReset = (node: TestNode, email: string, address: string) =>
  node.api.send(
    'mutation($e: String!) { requestPasswordReset(email: $e) }',
    { e: email },
    undefined,
    from(address),
  );

// With Redis all nodes count together. Without it each node counts for itself, which one node shows.
describe.each([
  ['in Redis, all nodes together', undefined],
  ['in memory', null],
])('limits of mails, %s', (_where, redis) => {
  let world: World;
  let nodes: TestNode[];
  const start = async (env: Env = {}) => {
    world = await createWorld({ redis });
    const settings = {
      RATE_LIMIT: 'on',
      TRUST_PROXY: 'true',
      REGISTRATION: 'verified',
      SMTP_URL: mail.url,
      MAIL_FROM: 'auth@example.com',
      MAIL_NOTICES: 'none',
      ...env,
    };
    nodes = await Promise.all(Array.from({ length: redis === null ? 1 : 2 }, () => world.node(settings)));
  };
  afterEach(() => world.close());

  const times = (n: number, call: (node: TestNode, i: number) => Promise<Answer>) =>
    Promise.all(Array.from({ length: n }, (_, i) => call(nodes[i % nodes.length]!, i)));
  const known = async (email: string) => {
    await world.sql(
      `insert into users (email, email_key, email_verified, role) values ($1, $1, true, 'USER')`,
      [email],
    );
    return email;
  };
  const mailsTo = (address: string) =>
    mail.mails.filter(({ to }) => [to ?? []].flat().some(({ text }) => text.includes(address)));

  test('an address causes ten mails a minute, and an IPv6 /64 is one address', async () => {
    await start();
    const answers = await times(13, (node, i) =>
      requestReset(node, `n${i}@example.com`, `2001:db8::${i + 1}`),
    );
    expect(limited(answers)).toBe(3);
    expect(limited([await requestReset(nodes[0]!, 'other@example.com', '2001:db8:0:1::1')])).toBe(0);
  });

  test('an email gets five mails an hour, from whatever addresses, in every spelling, by every mutation', async () => {
    await start();
    const email = await known(`flooded${redis}@example.com`);
    for (const target of [email, `unknown${redis}@example.com`]) {
      const answers = await times(9, (node, i) => {
        const spelled = i % 2 ? target.toUpperCase() : target;
        if (i % 3) return requestReset(node, spelled, `192.0.2.${i}`);
        return node.api.tryRegister(spelled, undefined, from(`192.0.2.${i}`));
      });
      expect(limited(answers)).toBe(4);
    }
    await eventually(() => expect(mailsTo(email)).toHaveLength(5));
    expect(await requestReset(nodes[0]!, email, '192.0.2.99')).toMatchObject({ status: 429 });
  });

  test('all nodes together send so many mails a day, and what other limits refuse does not count', async () => {
    await start({ MAILS_PER_DAY: '8' });
    expect(limited(await times(9, (node, i) => requestReset(node, 'one@example.com', `192.0.2.${i}`)))).toBe(
      4,
    );
    const others = await times(6, (node, i) => requestReset(node, `n${i}@example.com`, `198.51.100.${i}`));
    expect(limited(others)).toBe(3);
    const refused = others.find(({ code }) => code === 'RATE_LIMITED')!;
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3600);
    await eventually(async () =>
      expect(
        await world.sql(
          `select distinct reason from audit_events where type = 'RATE_LIMIT_REACHED' order by 1`,
        ),
      ).toEqual([{ reason: 'mail-by-recipient' }, { reason: 'mail-of-everyone' }]),
    );
  });

  test('passwords that are refused use up no mails of an hour', async () => {
    await start();
    const register = (password: string) =>
      nodes[0]!.api.send(
        'mutation($i: RegisterInput!) { register(input: $i) { accessToken } }',
        { i: { email: 'picky@example.com', password } },
        undefined,
        from('192.0.2.77'),
      );
    for (let i = 0; i < 6; i++) expect((await register('password')).code).toBe('BAD_USER_INPUT');
    expect((await register('a password of some length')).code).toBe('EMAIL_NOT_VERIFIED');
  });

  test('with a good link an address tries twenty passwords a minute, which cost a hash or a look at a list', async () => {
    await start();
    const email = await known(`trying${redis}@example.com`);
    const [user] = await world.sql<{ id: string }>('select id from users where email = $1', [email]);
    const { make } = await linkMaker(world);
    const token = make({ purpose: 'reset-password', userId: user!.id, email, tokenVersion: 1 });
    const reset = (node: TestNode, newPassword: string, address: string) =>
      node.api.send(
        'mutation($i: ResetPasswordInput!) { resetPassword(input: $i) { accessToken } }',
        { i: { token, newPassword } },
        undefined,
        from(address),
      );
    const refused = await times(23, (node) => reset(node, 'password', '192.0.2.1'));
    expect(limited(refused)).toBe(3);
    expect((await reset(nodes[0]!, 'another horse battery', '192.0.2.2')).status).toBe(200);
  });

  test('one site does not use up the mails of the day', async () => {
    await start({ MAILS_PER_DAY: '120' });
    // Eleven addresses of one IPv6 /48, ten each.
    const answers = await times(110, (node, i) =>
      requestReset(node, `n${i}@example.com`, `2001:db8:0:${Math.floor(i / 10)}::1`),
    );
    expect(limited(answers)).toBe(10);
    expect(limited([await requestReset(nodes[0]!, 'n@example.com', '2001:db8:1::1')])).toBe(0);
  });

  test('a refused registration writes nothing', async () => {
    await start({ MAILS_PER_DAY: '1' });
    const register = (email: string) => nodes[0]!.api.tryRegister(email, undefined, from('192.0.2.1'));
    expect((await register('first@example.com')).code).toBe('EMAIL_NOT_VERIFIED');
    expect((await register('second@example.com')).code).toBe('RATE_LIMITED');
    expect(await world.sql(`select id from users where email = 'second@example.com'`)).toEqual([]);
  });

  test('a login that must be verified mails within the limits, which do not change its answer', async () => {
    await start({ MAILS_PER_RECIPIENT: '3' });
    const email = `waiting${redis}@example.com`;
    expect((await nodes[0]!.api.tryRegister(email)).code).toBe('EMAIL_NOT_VERIFIED');
    const answers = await times(6, (node, i) => node.api.tryLogin(email, undefined, from(`192.0.2.${i}`)));
    expect(new Set(codes(answers))).toEqual(new Set(['EMAIL_NOT_VERIFIED']));
    await eventually(() => expect(mailsTo(email)).toHaveLength(3));
    expect(await world.sql('select id from mails')).toEqual([]);
  });

  test('strangers cannot use up the mails of administrators, which have limits of their own', async () => {
    await start({ MAILS_PER_DAY: '4', MAILS_PER_RECIPIENT: '3' });
    const { accessToken } = await nodes[0]!.api.loginAsAdmin();
    const email = await known(`helped${redis}@example.com`);
    expect(limited(await times(6, (node, i) => requestReset(node, email, `192.0.2.${i}`)))).toBe(3);
    expect(limited(await times(3, (node, i) => requestReset(node, `x${i}@example.com`, '192.0.2.50')))).toBe(
      2,
    );
    const [account] = await world.sql<{ id: string }>('select id from users where email = $1', [email]);
    const help = (node: TestNode) =>
      node.api.send(`mutation { sendPasswordReset(userId: "${account!.id}") }`, {}, accessToken);
    const invite = (node: TestNode, i: number) =>
      node.api.send(`mutation { inviteUser(email: "i${i}@example.com") { id } }`, {}, accessToken);
    expect(limited(await times(5, help))).toBe(2);
    expect(limited(await times(3, invite))).toBe(2);
  });
});
