import { GraphQLError } from 'graphql';
import type { LoggedRevocation } from '../../src/core/revocation';
import type { HookEvents, HookName, Hooks, Sql } from '../../src/core/ports/hooks';
import { type Answer, PASSWORD, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { newestLink, requestEmailChange, resetLink, useLink } from '../support/link-requests';
import { holdMails, MAILING } from '../support/links';
import { shared, sharedWorld } from '../support/shared';

const world = sharedWorld();
/** The hooks of every node here. Each test sets its own. */
const hooks: { -readonly [Name in keyof Hooks]: Hooks[Name] | undefined } = {};
/** A node with two connections, of which hooks may use one. */
const node = shared(async () => {
  await holdMails(world);
  await world.sql(`
    create schema team;
    create table team.profiles (
      user_id uuid primary key references public.users on delete cascade, email text, name text not null
    )`);
  return world.node({ ...MAILING, DATABASE_POOL_SIZE: '2' }, undefined, { hooks, hookTimeout: 10_000 });
});
/** A node that gives hooks little time. */
const hasty = shared(() => world.node(MAILING, undefined, { hooks, hookTimeout: 200 }));
let admin: string;
beforeAll(async () => {
  admin = (await node.api.loginAsAdmin()).accessToken;
});
afterEach(() => {
  for (const name of Object.keys(hooks) as (keyof Hooks)[]) hooks[name] = undefined;
});

const INSERT = `insert into team.profiles values ($1, $2, $3)
  on conflict (user_id) do update set email = excluded.email, name = excluded.name returning name`;
const profilesOf = (email: string) => world.sql('select * from team.profiles where email = $1', [email]);
const logged = (log: readonly string[], text: string) => log.filter((line) => line.includes(text));

let count = 0;
const newEmail = () => `hooked${++count}@example.com`;

/** Everything that a change leaves behind. Refused requests may be recorded. */
const traces = () =>
  world.sql(`
    select (select json_agg(u order by id) from users u) as users,
      (select json_agg(s order by id) from sessions s) as sessions,
      (select json_agg(r.id order by id) from revocations r) as revocations,
      (select json_agg(m.id order by id) from mails m) as mails,
      (select json_agg(p order by user_id) from team.profiles p) as profiles,
      (select json_agg(e.id order by id) from audit_events e where type not in ('LOGIN_FAILED', 'REGISTRATION_REFUSED')) as events`);

test('a sign-up whose own insert fails leaves no account, and the email is free', async () => {
  const email = newEmail();
  let name: string | null = null;
  hooks.registering = async ({ user, input, via, client, sql }) => {
    expect(user).not.toHaveProperty('passwordHash');
    expect([user.email, input, via, client.ipAddress]).toEqual([
      email,
      { email, useCookie: false },
      'register',
      '127.0.0.1',
    ]);
    // The account is there for the application's own foreign key.
    expect(await sql('select email from public.users where id = $1', [user.id])).toEqual([{ email }]);
    expect(await sql(INSERT, [user.id, user.email, name])).toEqual([{ name }]);
  };
  const before = await traces();
  const failed = await node.api.tryRegister(email);
  expect([failed.status, failed.code]).toEqual([500, 'INTERNAL_SERVER_ERROR']);
  expect(JSON.stringify(failed.errors)).not.toMatch(/null value|profiles/);
  expect(logged(node.log, String(failed.errors?.[0]?.extensions.requestId))).toContainEqual(
    expect.stringContaining('violates not-null constraint'),
  );
  expect(await traces()).toEqual(before);

  name = 'Ann';
  const { user } = await node.api.register(email);
  expect(await profilesOf(email)).toEqual([{ user_id: user.id, email, name }]);
});

/** A change with a hook: prepares it, and returns the request and what the hook is told besides the user. */
type Prepared = [request: () => Promise<Answer>, told: object];
type Change = () => Prepared | Promise<Prepared>;

const asAdmin = (mutation: string) => node.api.send(`mutation { it: ${mutation} }`, {}, admin);
const invitedUser = async () => {
  const email = newEmail();
  await node.api.mutate(`inviteUser(email: "${email}") { id }`, admin);
  return newestLink(world, 'invitation', email);
};
const changeOfEmail = async (tokens: Tokens, email: string) => {
  expect((await requestEmailChange(node.api, tokens, email)).errors).toBeUndefined();
  return newestLink(world, 'email-change', email);
};

const CHANGES: [what: string, hook: HookName, change: Change][] = [
  [
    'a registration',
    'registering',
    () => {
      const email = newEmail();
      return [() => node.api.tryRegister(email), { via: 'register', input: { email, useCookie: false } }];
    },
  ],
  [
    'an invitation',
    'registering',
    () => {
      const email = newEmail();
      return [
        () => asAdmin(`inviteUser(email: "${email}", role: ADMIN) { id }`),
        { via: 'invitation', input: { email, role: 'ADMIN' } },
      ];
    },
  ],
  [
    'a login',
    'loggedIn',
    async () => {
      const { user } = await node.api.newUser();
      return [() => node.api.tryLogin(user.email), { session: expect.objectContaining({ userId: user.id }) }];
    },
  ],
  [
    'a reset of the password',
    'loggedIn',
    async () => {
      const tokens = await node.api.newUser();
      const link = await resetLink(world, tokens);
      return [() => useLink(node.api, 'reset-password', link), { session: expect.anything() }];
    },
  ],
  [
    'an accepted invitation',
    'loggedIn',
    async () => {
      const link = await invitedUser();
      return [() => useLink(node.api, 'accept-invitation', link), { session: expect.anything() }];
    },
  ],
  [
    'a change of role',
    'changingRole',
    async () => {
      const { user } = await node.api.newUser();
      return [
        () => asAdmin(`setRole(userId: "${user.id}", role: ADMIN) { id }`),
        { previousRole: 'USER', user: expect.objectContaining({ id: user.id, role: 'ADMIN' }) },
      ];
    },
  ],
  [
    'a change of email',
    'changingEmail',
    async () => {
      const tokens = await node.api.newUser();
      const [previousEmail, email] = [tokens.user.email, newEmail()];
      const link = await changeOfEmail(tokens, email);
      return [
        () => useLink(node.api, 'confirm-email', link),
        { previousEmail, user: expect.objectContaining({ email }) },
      ];
    },
  ],
  [
    'an undone change of email',
    'changingEmail',
    async () => {
      const tokens = await node.api.newUser();
      const [email, previousEmail] = [tokens.user.email, newEmail()];
      await world.sql('update users set email_verified = true where id = $1', [tokens.user.id]);
      const link = await changeOfEmail(tokens, previousEmail);
      expect((await useLink(node.api, 'confirm-email', link)).errors).toBeUndefined();
      const undo = await newestLink(world, 'email-changed', email);
      return [
        () => useLink(node.api, 'undo-email', undo),
        { previousEmail, user: expect.objectContaining({ email }) },
      ];
    },
  ],
  [
    'a deletion by an administrator',
    'deleting',
    async () => {
      const { user } = await node.api.newUser();
      return [
        () => asAdmin(`deleteUser(userId: "${user.id}") { confirmed }`),
        { user: expect.objectContaining({ id: user.id }) },
      ];
    },
  ],
  [
    'a deletion by the user',
    'deleting',
    async () => {
      const { user, accessToken } = await node.api.newUser();
      return [
        () =>
          node.api.send(`mutation { deleteAccount(password: "${PASSWORD}") { confirmed } }`, {}, accessToken),
        { user: expect.objectContaining({ id: user.id, email: user.email }) },
      ];
    },
  ],
];

test.each(CHANGES)('what a hook throws undoes the whole of %s', async (_what, name, change) => {
  const [request, told] = await change();
  const before = await traces();
  const publishedTo: LoggedRevocation[] = [];
  hooks.revoked = (entry) => void publishedTo.push(entry);
  let events: object[] = [];
  let isRefused = true;
  hooks[name] = async ({ sql, ...event }: HookEvents[HookName]) => {
    events.push(event);
    await sql(INSERT, [event.user.id, event.user.email, 'Ann']);
    if (isRefused) throw new GraphQLError('Not here.', { extensions: { code: 'TEAM_SAYS_NO', more: 1 } });
  };

  const refused = await request();
  expect(refused.errors).toEqual([
    expect.objectContaining({ message: 'Not here.', extensions: { code: 'TEAM_SAYS_NO', more: 1 } }),
  ]);
  expect(events).toEqual([
    expect.objectContaining({ client: expect.objectContaining({ ipAddress: '127.0.0.1' }), ...told }),
  ]);
  expect(await traces()).toEqual(before);
  expect(publishedTo).toEqual([]);

  [events, isRefused] = [[], false];
  expect((await request()).errors).toBeUndefined();
  expect(events).toHaveLength(1);
  expect(await traces()).not.toEqual(before);
});

const isMasked = (answer: Answer) => {
  expect([answer.status, answer.code]).toEqual([500, 'INTERNAL_SERVER_ERROR']);
  return String(answer.errors?.[0]?.extensions.requestId);
};

test('a statement that failed undoes all, even if the hook goes on', async () => {
  const email = newEmail();
  const before = await traces();
  hooks.registering = async ({ user, sql }) => {
    await sql(INSERT, [user.id, user.email, 'Ann']);
    await sql('select 1 / 0').catch(() => undefined);
  };
  const requestId = isMasked(await node.api.tryRegister(email));
  expect(logged(node.log, requestId)).toContainEqual(expect.stringContaining('division by zero'));
  expect(await traces()).toEqual(before);

  hooks.registering = async ({ user, sql }) => {
    await sql('savepoint before_it');
    await sql('select 1 / 0').catch(() => undefined);
    await sql('rollback /* only */ to before_it');
    // Not awaited: the change waits for it all the same.
    void sql(INSERT, [user.id, user.email, 'Ann']);
  };
  await node.api.register(email);
  expect(await profilesOf(email)).toHaveLength(1);
});

test('no hook can end the transaction, or change the connection for others', async () => {
  const email = newEmail();
  const before = await traces();
  const refusals: unknown[] = [];
  let text = '';
  hooks.registering = async ({ user, sql }) => {
    await sql(INSERT, [user.id, user.email, 'Ann']);
    await sql(text).catch((error: unknown) => refusals.push(error));
  };
  const control = [
    ...['commit', ' ;; COMMIT', '-- no\n/* /* not */ yet */ commit and chain', 'end', 'abort', 'rollback'],
    ...['rollback work and chain', "prepare transaction 'x'", 'begin', 'set role postgres', 'reset all'],
    ...['discard all', 'deallocate all', 'listen x'],
  ];
  for (text of control) isMasked(await node.api.tryRegister(email));
  expect(refusals).toEqual(
    control.map(() => expect.objectContaining({ message: expect.stringMatching(/^A hook may not run/) })),
  );
  for (text of ['select 1; commit', 'do $$ begin commit; end $$'])
    isMasked(await node.api.tryRegister(email));
  expect(refusals.slice(control.length)).toEqual([
    expect.objectContaining({ code: '42601' }),
    expect.objectContaining({ code: '2D000' }),
  ]);
  expect(await traces()).toEqual(before);
  text = "set local work_mem = '4MB'";
  await node.api.register(email);
});

test('after the hook its sql is refused', async () => {
  let kept: Sql | undefined;
  hooks.loggedIn = ({ sql }) => void (kept = sql);
  const { user } = await node.api.newUser();
  await node.api.login(user.email);
  await expect(kept?.('select 1')).rejects.toThrow('The hook is over');
});

test('what a hook does to its event changes nothing', async () => {
  hooks.loggedIn = ({ user, session }) => {
    Object.assign(user, { role: 'ADMIN', id: 'x' });
    session.expiresAt.setTime(0);
  };
  const { user } = await node.api.newUser();
  const { accessToken } = await node.api.login(user.email);
  expect((await node.api.me(accessToken)).data.me).toMatchObject({ id: user.id, role: 'USER' });
});

const forever = () => new Promise<void>(() => undefined);
const openTransactions = () =>
  world.sql(
    `select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
     and application_name = 'tokenfence' and state like 'idle in transaction%'`,
  );

test.each<[where: string, hang: (sql: Sql) => Promise<unknown>]>([
  ['in its own code', forever],
  ['in a statement', (sql) => sql('select pg_sleep(30)')],
])('a hook that hangs %s is given up with its transaction', async (_where, hang) => {
  const email = newEmail();
  const before = await traces();
  let late: Promise<unknown> | undefined;
  hooks.registering = async ({ user, sql }) => {
    await sql(INSERT, [user.id, user.email, 'Ann']);
    late = hang(sql).then(() => sql('select 1'));
    await late;
  };
  const answer = await hasty.api.tryRegister(email);
  expect([answer.status, answer.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
  expect(logged(hasty.log, 'The hook registering took longer than 200 ms.')).not.toEqual([]);
  // Postgres ends it when it notices that the connection is gone.
  await eventually(async () => expect(await openTransactions()).toEqual([]));
  expect(await traces()).toEqual(before);

  // Every connection of the pool works.
  hooks.registering = undefined;
  await Promise.all(Array.from({ length: 12 }, () => hasty.api.newUser()));
  expect(await profilesOf(email)).toEqual([]);
});

test('slow hooks leave connections to those who refresh and log out', async () => {
  const [first, second, other] = [
    await node.api.newUser(),
    await node.api.newUser(),
    await node.api.newUser(),
  ];
  let entered = 0;
  let go = () => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  hooks.loggedIn = () => {
    entered++;
    return gate;
  };
  const logins = [first, second].map(({ user }) => node.api.tryLogin(user.email));
  await eventually(() => expect(entered).toBe(1));
  const { accessToken } = await node.api.refreshed(other);
  expect(await node.api.end('logout', accessToken)).toMatchObject({ confirmed: true });
  // The second login waits for its turn, without a connection.
  expect(entered).toBe(1);
  go();
  await Promise.all(logins);
});

test('a transaction that gave way to another runs its hook again', async () => {
  const attempts: string[] = [];
  hooks.registering = async ({ user, sql }) => {
    attempts.push(user.id);
    await sql(INSERT, [user.id, user.email, 'Ann']);
    if (attempts.length === 1)
      await sql(`do $$ begin raise exception 'overtaken' using errcode = '40P01'; end $$`);
  };
  const { user } = await node.api.newUser();
  expect(attempts).toEqual([expect.any(String), user.id]);
  expect(await profilesOf(user.email)).toHaveLength(1);
});

test('each node tells of a revocation once, after the fact, and of what that hook throws only in its log', async () => {
  const told: LoggedRevocation[] = [];
  const { user, accessToken } = await node.api.newUser();
  hooks.revoked = (entry) => {
    if ('userId' in entry && entry.userId === user.id) told.push(entry);
    throw new Error('no matter');
  };
  await hasty.api.me(accessToken);
  expect(await node.api.end('logoutEverywhere', accessToken)).toMatchObject({ confirmed: true });
  const entry = { kind: 'USER', userId: user.id, tokenVersion: 2 };
  await eventually(() => expect(told).toEqual([entry, entry].map((each) => expect.objectContaining(each))));
  for (const { log } of [node, hasty]) expect(logged(log, 'no matter')).not.toEqual([]);
});
