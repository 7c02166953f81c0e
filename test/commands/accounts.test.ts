import { adminHere, adminProcess } from '../support/admin-command';
import { ADMIN, PASSWORD, type Tokens } from '../support/api';
import { untilViewIsCurrent } from '../support/probes';
import { sharedNodes, sharedWorld } from '../support/shared';
import { type Env, TEST_ENV } from '../support/world';

const world = sharedWorld();
const [one, two] = sharedNodes(world, {}, {});

/** The settings of an operator. Without REDIS_URL, only the nodes can publish. */
const settings = (env: Env = {}): Env => ({
  SECRET: TEST_ENV.SECRET,
  DATABASE_URL: world.databaseUrl,
  ...env,
});
const admin = (args: string[], env?: Env) => adminHere(args, settings(env));

const CONFIRMED = /Confirmed: no node accepts the ended tokens\.\n$/;

/** A user whose token both nodes accept from memory. */
async function knownUser(): Promise<Tokens> {
  const tokens = await one.api.newUser();
  for (const node of [one, two]) {
    await untilViewIsCurrent(node);
    expect((await node.api.me(tokens.accessToken)).status).toBe(200);
  }
  return tokens;
}

const expectRevoked = async ({ accessToken }: Tokens) => {
  for (const { api } of [one, two]) expect((await api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
};

interface Event {
  readonly type: string;
  readonly actor_id: string | null;
  readonly reason: string | null;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
}

const eventsOf = (userId: string, type: string) =>
  world.sql<Event>('select * from audit_events where user_id = $1 and type = $2', [userId, type]);

/** The one event of this type, which the command line must have caused. */
async function expectByCommandLine(
  userId: string,
  type: string,
  reason: string | null = null,
): Promise<void> {
  expect(await eventsOf(userId, type)).toEqual([
    expect.objectContaining({
      actor_id: null,
      ip_address: null,
      reason,
      user_agent: expect.stringMatching(/^tokenfence-admin\/\d+\.\d+\.\d+ \(.+@.+\)$/),
    }),
  ]);
}

test('every node refuses a token at once after the command in a process printed that it is confirmed', async () => {
  const user = await knownUser();
  const ended = await adminProcess(['logout', user.user.email, '--reason', 'lost phone'], settings());
  await expectRevoked(user);
  expect(ended).toEqual({
    code: 0,
    output: expect.stringMatching(/^Logged out user.*@example\.com \(.*\): ended 1 session\. Confirmed/),
  });
  await expectByCommandLine(user.user.id, 'FORCED_LOGOUT', 'lost phone');
  expect((await one.api.refresh(user.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
});

test('a user is named by email in any letter case, or by id', async () => {
  const { user } = await one.api.newUser();
  for (const name of [user.email.toUpperCase(), user.id, user.id.toUpperCase()])
    expect(await admin(['logout', name])).toMatchObject({ code: 0 });
});

test.each(['nobody@example.com', '00000000-0000-4000-8000-000000000000', 'nobody', "'; drop table users"])(
  'the unknown user %j has an exit code of its own, and nothing is changed',
  async (name) => {
    const before = await world.sql('select count(*) from audit_events');
    for (const command of [['logout'], ['disable'], ['enable'], ['delete', '--yes'], ['reset']])
      expect(await admin([...command, name])).toEqual({
        code: 4,
        output: expect.stringMatching(/^No user has this email or id\. See: tokenfence admin list/),
      });
    expect(await admin(['set-role', name, 'ADMIN'])).toMatchObject({ code: 4 });
    expect(await world.sql('select count(*) from audit_events')).toEqual(before);
  },
);

test('a disabled user is out on every node and cannot sign in until enabled', async () => {
  const tokens = await knownUser();
  const { id, email } = tokens.user;
  const ended = await admin(['disable', email, '--reason', 'fraud']);
  await expectRevoked(tokens);
  expect(ended).toEqual({ code: 0, output: expect.stringMatching(CONFIRMED) });
  expect(ended.output).toContain(`Disabled ${email} (${id}) and ended 1 session.`);
  expect((await two.api.tryLogin(email)).code).toBe('INVALID_CREDENTIALS');
  await expectByCommandLine(id, 'USER_DISABLED', 'fraud');
  expect(await admin(['disable', email])).toEqual({
    code: 0,
    output: expect.stringMatching(/was disabled before\. Confirmed/),
  });

  expect(await admin(['enable', email])).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^Enabled/),
  });
  await two.api.login(email);
  await expectRevoked(tokens);
  await expectByCommandLine(id, 'USER_ENABLED');
  expect((await admin(['enable', email])).output).toMatch(/was enabled before\.\n$/);
});

test('a new role ends the access tokens, and sessions refresh into it', async () => {
  const tokens = await knownUser();
  const { id, email } = tokens.user;
  const ended = await admin(['set-role', email, 'ADMIN']);
  await expectRevoked(tokens);
  expect(ended).toEqual({ code: 0, output: expect.stringMatching(CONFIRMED) });
  const again = await two.api.refreshed(tokens);
  expect((await one.api.me(again.accessToken)).data.me.role).toBe('ADMIN');
  await expectByCommandLine(id, 'ROLE_CHANGED', 'USER to ADMIN');
  expect((await admin(['set-role', email, 'ADMIN'])).output).toContain('had the role ADMIN before.');
  // It is not in ROLES.
  const unknown = await admin(['set-role', email, 'EDITOR']);
  expect(unknown).toMatchObject({ code: 1, output: 'There is no role EDITOR. There are USER, ADMIN.\n' });
  await admin(['set-role', email, 'USER']);
});

test('a deleted user is out on every node, and the address is free', async () => {
  const tokens = await knownUser();
  const { id, email } = tokens.user;
  const ended = await admin(['delete', email, '--yes', '--reason', 'asked for it']);
  await expectRevoked(tokens);
  expect(ended).toEqual({ code: 0, output: expect.stringMatching(CONFIRMED) });
  await expectByCommandLine(id, 'USER_DELETED', 'asked for it');
  expect((await one.api.register(email)).user.id).not.toBe(id);
  await expectRevoked(tokens);
});

test('the last administrator stays', async () => {
  for (const command of [
    ['disable', ADMIN.email],
    ['delete', ADMIN.email, '--yes'],
    ['set-role', ADMIN.email, 'USER'],
  ])
    expect(await admin(command)).toEqual({
      code: 1,
      output: 'This is the last enabled administrator. Create another one first.\n',
    });
  await one.api.loginAsAdmin();
});

test('all users are logged out on every node', async () => {
  const tokens = [await knownUser(), await knownUser()];
  const ended = await admin(['logout-all', '--yes', '--reason', 'a stolen backup']);
  for (const each of tokens) await expectRevoked(each);
  expect(ended).toEqual({ code: 0, output: expect.stringMatching(CONFIRMED) });
  expect(ended.output).toMatch(/^Logged out all users: ended about \d+ sessions\./);
  const [event] = await world.sql<Event>(
    "select * from audit_events where type = 'FORCED_LOGOUT_OF_EVERYONE'",
  );
  expect(event).toMatchObject({ actor_id: null, reason: 'a stolen backup' });
});

describe('a confirmation', () => {
  const commands = async () => [['delete', (await one.api.newUser()).user.email], ['logout-all']];
  const answering = (answer: boolean) => {
    const questions: string[] = [];
    const confirm = (question: string) => {
      questions.push(question);
      return Promise.resolve(answer);
    };
    return { isInteractive: true, confirm, questions };
  };

  test('is needed where nobody can be asked', async () => {
    const sum = () =>
      world.sql('select count(*), sum(token_version), (select global_version from fleet) from users');
    const [before, all] = [await commands(), await sum()];
    for (const command of before)
      expect(await adminProcess(command, settings())).toEqual({
        code: 2,
        output: expect.stringContaining('Nothing was changed. This needs a confirmation'),
      });
    expect(await sum()).toEqual(all);
  });

  test('is asked for at a terminal, and names what is meant', async () => {
    for (const command of await commands()) {
      const no = answering(false);
      expect(await adminHere(command, settings(), no)).toEqual({ code: 1, output: 'Nothing was changed.\n' });
      expect(no.questions).toEqual([expect.stringContaining(command[1] ?? 'all users')]);
      expect((await adminHere(command, settings(), answering(true))).code).toBe(0);
    }
  });
});

describe('a link to reset the password', () => {
  test('is shown where no mail is sent, and nobody else has seen it', async () => {
    const { user } = await one.api.newUser();
    const { code, output } = await admin(['reset', user.email], { APP_URL: 'https://app.example.com' });
    expect(code).toBe(0);
    expect(output).toMatch(/^With this link anybody can set the password of user.*, once, until 20.*Z:\n/);
    expect(output).toMatch(/\nhttps:\/\/app\.example\.com\/reset-password#token=[\w-]+\.[\w-]+\.[\w-]+\n$/);
    await expectByCommandLine(user.id, 'PASSWORD_RESET_REQUESTED', 'the link was shown to an operator');
    expect(await world.sql('select * from mails')).toEqual([]);
  });

  test('is written as a mail with SMTP_URL, unless the operator wants to see it', async () => {
    const { user } = await one.api.newUser();
    const mail = { SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'no-reply@example.com' };
    const { code, output } = await admin(['reset', user.id], mail);
    expect(code).toBe(0);
    expect(output).toMatch(/^Wrote a mail with a link to user/);
    expect(output).not.toContain('token=');
    expect(await world.sql('select kind, recipient, user_id from mails')).toEqual([
      { kind: 'password-reset', recipient: user.email, user_id: user.id },
    ]);
    expect((await eventsOf(user.id, 'PASSWORD_RESET_REQUESTED'))[0]?.user_agent).toMatch(/^tokenfence-admin/);
    expect((await admin(['reset', user.id, '--link'], mail)).output).toContain('#token=');
  });

  test('is refused for a disabled user, and with another SECRET', async () => {
    const { user } = await one.api.newUser();
    const refused = await admin(['reset', user.id], { SECRET: 'another secret of a good length: 42' });
    expect(refused).toEqual({ code: 1, output: expect.stringContaining('SECRET cannot decrypt the keys') });
    await admin(['disable', user.id]);
    expect(await admin(['reset', user.id])).toEqual({
      code: 1,
      output: expect.stringContaining('This user is disabled'),
    });
    expect(await eventsOf(user.id, 'PASSWORD_RESET_REQUESTED')).toEqual([]);
  });
});

describe('the list of users', () => {
  const json = async (...args: string[]) => {
    const { code, output } = await admin(['list', '--json', ...args]);
    expect(code).toBe(0);
    return JSON.parse(output) as { users: Record<string, unknown>[]; after: string | null };
  };

  test('has pages of a limited size, which follow each other', async () => {
    for (const name of ['a', 'b', 'c']) await one.api.register(`paged-${name}@example.com`);
    const first = await json('--search', 'PAGED-', '--first', '2');
    expect(first.users.map(({ email }) => email)).toEqual(['paged-a@example.com', 'paged-b@example.com']);
    const second = await json('--search', 'paged-', '--first', '2', '--after', first.after ?? '');
    expect(second).toEqual({
      users: [expect.objectContaining({ email: 'paged-c@example.com' })],
      after: null,
    });
    const all: unknown[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page = await json('--first', '2', ...(after ? ['--after', after] : []));
      expect(page.users.length).toBeLessThanOrEqual(2);
      all.push(...page.users.map(({ id }) => id));
      ({ after } = page);
    }
    expect(all).toHaveLength(
      Number((await world.sql<{ count: string }>('select count(*) from users'))[0]?.count),
    );
    expect(new Set(all).size).toBe(all.length);
  });

  test('says what an operator needs, and no secret', async () => {
    const { user } = await one.api.register('shown@example.com');
    await admin(['disable', user.id]);
    expect((await json('--search', 'shown@')).users).toEqual([
      {
        id: user.id,
        email: 'shown@example.com',
        emailVerified: false,
        role: 'USER',
        state: 'disabled',
        createdAt: expect.stringMatching(/^20.*Z$/),
      },
    ]);
    const { output } = await admin(['list', '--search', 'shown@']);
    expect(output).toMatch(
      /^ID +ROLE +STATE +VERIFIED +CREATED +EMAIL\n\S+ +USER +disabled +no +20\S+ +shown@example\.com\n$/,
    );
    expect((await admin(['list', '--search', 'nobody-has-this'])).output).toBe('No users.\n');
    const text = (await admin(['list', '--first', '1'])).output;
    expect(text).toMatch(/\nThere are more: add --after \S+\n$/);
  });

  test('refuses a cursor of another list', async () => {
    expect(await admin(['list', '--after', 'nonsense'])).toMatchObject({ code: 1 });
  });
});

test('a password is neither an argument nor printed', async () => {
  const { user } = await one.api.register('quiet@example.com', PASSWORD);
  const { output } = await admin(['list', '--json', '--search', 'quiet@']);
  expect(output).not.toMatch(/argon2|\$/);
  expect(output).toContain(user.id);
});
