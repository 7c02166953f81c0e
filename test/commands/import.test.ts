import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from '@node-rs/argon2';
import { hashSync as bcryptSync } from 'bcryptjs';
import { importing, type Streams } from '../../src/commands/import/import-job';
import type { ImportOptions } from '../../src/commands/import/import-options';
import { LONGEST_PIECE } from '../../src/commands/import/pieces';
import { Progress } from '../../src/commands/import/progress';
import { eventually } from '../support/eventually';
import { sharedWorld } from '../support/shared';
import { TEST_ENV } from '../support/world';

const world = sharedWorld();

let folder = '';
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tokenfence-import-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => world.sql("delete from users where role = 'USER'"));

const settings = () => ({ SECRET: TEST_ENV.SECRET, DATABASE_URL: world.databaseUrl });

const DEFAULTS: ImportOptions = { format: 'tokenfence', saltSeparator: 'Bw==', rounds: 8, memCost: 14 };

async function* asStream(bytes: Buffer, at: number) {
  for (let from = 0; from < bytes.length; from += at) {
    await Promise.resolve();
    yield bytes.subarray(from, from + at);
  }
}

interface Shown {
  readonly code: number;
  readonly text: string;
  /** What it wrote while it ran. */
  readonly said: string;
}

/** Imports a text as standard input, in chunks of this many bytes. */
async function imported(text: string | Buffer, options: Partial<ImportOptions> = {}, at = 7): Promise<Shown> {
  let said = '';
  const streams: Streams = {
    stdin: asStream(Buffer.from(text), at),
    stderr: { write: (part: string) => (said += part) },
  };
  const terminal = { isInteractive: false, confirm: () => Promise.resolve(false) };
  const { code, text: answer } = await importing(
    '-',
    { ...DEFAULTS, ...options },
    streams,
  )(settings(), terminal);
  return { code, text: answer, said };
}

const lines = (...objects: object[]) => objects.map((object) => JSON.stringify(object)).join('\n');

const b64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
const SALT = Buffer.from('sixteen bytes of');
const CHEAP = {
  bcrypt: (password: string) => bcryptSync(password, 4),
  pbkdf2: (password: string) =>
    `$pbkdf2-sha256$i=10$${b64(SALT)}$${b64(pbkdf2Sync(password, SALT, 10, 32, 'sha256'))}`,
  scrypt: (password: string) =>
    `$scrypt$ln=4,r=1,p=1$${b64(SALT)}$${b64(scryptSync(password, SALT, 32, { N: 16, r: 1, p: 1 }))}`,
  argon2: (password: string) => hashSync(password, { memoryCost: 32, timeCost: 2 }),
};

/** From the README of Firebase's scrypt. */
const FIREBASE = {
  hashKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
  password: 'user1password',
  salt: '42xEC+ixf3L2lw==',
  passwordHash: 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
};

const FIREBASE_HASH = `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=${FIREBASE.hashKey}$${FIREBASE.salt}$${FIREBASE.passwordHash}`;

const users = () =>
  world.sql<Record<string, unknown>>(
    `select email, password_hash, email_verified, pending, role, disabled_at is not null as disabled,
       created_at, token_version from users where email <> 'root@example.com' order by email`,
  );
const emails = async () => (await users()).map(({ email }) => email);

test('an account is imported with everything that its line says', async () => {
  const passwordHash = CHEAP.bcrypt('x');
  const { code, text, said } = await imported(
    lines(
      {
        email: 'All@Example.com',
        passwordHash,
        emailVerified: true,
        role: 'ADMIN',
        createdAt: '2019-12-06T18:36:12.412Z',
        disabled: true,
        profile: { name: 'Ada' },
      },
      { email: 'bare@example.com', passwordHash: null },
      { email: 'ms@example.com', passwordHash, createdAt: 1575657372412 },
    ),
  );
  expect(said).toBe('');
  expect(code).toBe(0);
  expect(text).toBe(
    'Imported 3 of 3 accounts.\n' +
      '1 have no password yet: their users set one by "forgot password".\n' +
      '1 had a profile, which is not kept.\n',
  );
  const common = { pending: false, token_version: 1 };
  const created = new Date('2019-12-06T18:36:12.412Z');
  expect(await users()).toEqual([
    {
      ...common,
      email: 'All@Example.com',
      password_hash: passwordHash,
      email_verified: true,
      role: 'ADMIN',
      disabled: true,
      created_at: created,
    },
    {
      ...common,
      email: 'bare@example.com',
      password_hash: null,
      email_verified: false,
      role: 'USER',
      disabled: false,
      created_at: expect.any(Date),
    },
    expect.objectContaining({ email: 'ms@example.com', created_at: created }),
  ]);
  const events = await world.sql("select reason from audit_events where type = 'USERS_IMPORTED'");
  expect(events).toEqual([
    { reason: '3 accounts, 1 of them administrators. Lines 1 to 3 of standard input.' },
  ]);
  await world.sql("delete from users where email = 'All@Example.com'");
});

const GOOD = { passwordHash: '$2b$04$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui' };

test('every bad line is named with its number and its fault, and no other is lost', async () => {
  const broken: [string | Buffer, string][] = [
    ['{"email": "a@example.com"', 'is not valid JSON'],
    ['[1]', 'is not a JSON object'],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'is not UTF-8'],
    [lines({ ...GOOD }), 'has no email'],
    [lines({ ...GOOD, email: 'nobody' }), 'has an email that is not a valid address'],
    [lines({ ...GOOD, email: 7 }), 'has an email that is not a valid address'],
    ['{"email":"\\ud800@example.com","passwordHash":null}', 'has an email that is not a valid address'],
    ['{"email":"a\\u0000@example.com","passwordHash":null}', 'has an email that is not a valid address'],
    ['{"email":"a\\u200b@example.com","passwordHash":null}', 'has an email with an invisible character'],
    [lines({ email: 'b@example.com' }), 'has no passwordHash: write null for an account without a password'],
    [lines({ email: 'b@example.com', passwordhash: 'x' }), 'has an unknown field "passwordhash"'],
    [lines({ email: 'b@example.com', '\u001b[2J': 'x' }), 'has an unknown field "\\u001b[2J"'],
    [
      lines({ email: 'b@example.com', passwordHash: 'hunter22' }),
      'has a passwordHash that is of an unknown kind, or malformed',
    ],
    [
      lines({ email: 'b@example.com', passwordHash: '' }),
      'has a passwordHash that is of an unknown kind, or malformed',
    ],
    [
      lines({ email: 'b@example.com', passwordHash: '$2b$04$\ud800' }),
      'has a passwordHash that is of an unknown kind, or malformed',
    ],
    [
      lines({ email: 'b@example.com', passwordHash: `$2b$20$${'a'.repeat(53)}` }),
      'has a passwordHash that would take about 105 s; at most 2 s are allowed',
    ],
    [
      lines({ email: 'b@example.com', passwordHash: `$scrypt$ln=22,r=8,p=1$${b64(SALT)}$${b64(SALT)}` }),
      'has a passwordHash that needs 4097 MiB of memory; at most 132 MiB are allowed',
    ],
    [lines({ ...GOOD, email: 'b@example.com', role: 'admin' }), 'has a role that is none of USER, ADMIN'],
    [
      lines({ ...GOOD, email: 'b@example.com', emailVerified: 'yes' }),
      'has a value of emailVerified that is neither true nor false',
    ],
    [
      lines({ ...GOOD, email: 'b@example.com', createdAt: 'soon' }),
      'has a createdAt that is no time: write 2026-01-31T12:00:00Z, or ms since 1970',
    ],
    [
      lines({ ...GOOD, email: 'b@example.com', createdAt: 1e300 }),
      'has a createdAt that is no time: write 2026-01-31T12:00:00Z, or ms since 1970',
    ],
    [
      lines({ ...GOOD, email: 'b@example.com', createdAt: '2999-01-01' }),
      'has a createdAt before 1970 or in the future',
    ],
    [`{"email":"b@example.com","x":"${'y'.repeat(LONGEST_PIECE)}"}`, `is longer than ${LONGEST_PIECE} bytes`],
  ];
  const good = (i: number) => lines({ ...GOOD, email: `good${i}@example.com` });
  const parts = broken.flatMap(([line], i) => [
    Buffer.from(good(i)),
    Buffer.from('\r\n'),
    Buffer.from(line),
    Buffer.from('\n'),
  ]);
  const file = Buffer.concat([Buffer.from('\ufeff'), ...parts, Buffer.from(`\n  \n${good(999)}`)]);
  for (const at of [1000, 65_536]) {
    const { code, said } = await imported(file, {}, at);
    expect(code).toBe(5);
    expect(said.split('\n').filter(Boolean)).toEqual(
      broken.map(([, fault], i) => `line ${2 * i + 2}: ${fault}`),
    );
    expect((await emails()).length).toBe(broken.length + 1);
  }
});

test('emails that differ only by case are one account: the first line wins, and the other is named', async () => {
  const first = { email: 'twin@example.com', passwordHash: CHEAP.pbkdf2('first') };
  const second = { email: 'TWIN@Example.COM', passwordHash: CHEAP.pbkdf2('second') };
  const near = await imported(lines(first, { ...second }, first));
  expect(near.said).toBe('line 2: has the email of line 1, and another password\n');
  expect(near.text).toMatch(
    /^Imported 1 of 3 accounts\.\n1 were there already, with the same password\.\n1 were refused/,
  );
  const later = await imported(lines(second));
  expect(later.said).toBe('line 1: has the email of another account, which was left as it is\n');
  expect(later.code).toBe(5);
  expect(await users()).toEqual([
    expect.objectContaining({ email: first.email, password_hash: first.passwordHash }),
  ]);
});

test('an address that is kept for the account that had it before is not taken', async () => {
  await imported(lines({ email: 'new@example.com', passwordHash: null }));
  await world.sql(`update users set previous_email = 'old@example.com', previous_email_key = 'old@example.com',
    previous_email_until = now() + interval '1 day' where email = 'new@example.com'`);
  const { said } = await imported(lines({ email: 'old@example.com', passwordHash: null }));
  expect(said).toBe('line 1: has the email of another account, which was left as it is\n');
  expect(await emails()).toEqual(['new@example.com']);
});

test('a registration that was never verified gives way to an imported account', async () => {
  await world.sql(`insert into users (email, email_key, password_hash, role, pending)
    values ('Mine@example.com', 'mine@example.com', 'of a stranger', 'USER', true)`);
  const passwordHash = CHEAP.pbkdf2('x');
  expect((await imported(lines({ email: 'mine@example.com', passwordHash }))).code).toBe(0);
  expect(await users()).toEqual([
    expect.objectContaining({
      email: 'mine@example.com',
      password_hash: passwordHash,
      pending: false,
      token_version: 2,
    }),
  ]);
});

test('an import changes nothing of an account that is there', async () => {
  await imported(lines({ email: 'kept@example.com', passwordHash: CHEAP.pbkdf2('kept') }));
  const before = await users();
  await imported(
    lines({ email: 'kept@example.com', passwordHash: null, role: 'ADMIN', emailVerified: true }),
  );
  expect(await users()).toEqual(before);
});

test('users with bcrypt, Firebase, PBKDF2, scrypt and argon2 hashes sign in as before, and have Argon2id then', async () => {
  const firebase = [
    '{"users": [',
    JSON.stringify(
      {
        localId: '1',
        email: 'firebase@example.com',
        emailVerified: true,
        passwordHash: FIREBASE.passwordHash,
        salt: FIREBASE.salt,
        createdAt: '1575657372412',
        disabled: false,
        providerUserInfo: [],
      },
      null,
      2,
    ),
    ']}',
  ].join('\n');
  await imported(firebase, { format: 'firebase', hashKey: FIREBASE.hashKey });
  await imported(
    lines(
      ...Object.entries(CHEAP).map(([kind, hash]) => ({
        email: `${kind}@example.com`,
        passwordHash: hash('user1password'),
      })),
    ),
  );
  const node = await world.node();
  const accounts = ['firebase', ...Object.keys(CHEAP)].map((kind) => `${kind}@example.com`);
  for (const email of accounts) {
    expect((await node.api.tryLogin(email, 'another password')).code).toBe('INVALID_CREDENTIALS');
    expect((await node.api.tryLogin(email, FIREBASE.password)).code).toBeUndefined();
    const [{ hash }] = (await world.sql<{ hash: string }>(
      'select password_hash as hash from users where email = $1',
      [email],
    )) as [{ hash: string }];
    expect(hash).toMatch(/^\$argon2id\$v=19\$/);
    // The hash is of the same password, and is not made again.
    expect((await node.api.tryLogin(email, 'another password')).code).toBe('INVALID_CREDENTIALS');
    expect((await node.api.tryLogin(email, FIREBASE.password)).code).toBeUndefined();
    expect(
      await world.sql('select from users where password_hash = $1 and token_version = 1', [hash]),
    ).toHaveLength(1);
  }
  await node.close();
});

/** Starts the command in a process of its own. */
function start(...args: string[]) {
  const child = spawn(
    process.execPath,
    [join(__dirname, '../../dist/src/main.js'), 'admin', 'import', ...args],
    {
      env: settings(),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  const collect = (part: Buffer) => void (out += part.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out }));
  return { child, ended };
}

const countUsers = async () =>
  Number((await world.sql<{ n: string }>("select count(*) as n from users where role = 'USER'"))[0]!.n);

test('an import of 40,000 lines that is killed loses nothing when it is started again, and imports once', async () => {
  const TOTAL = 40_000;
  const BROKEN = TOTAL / 1000;
  const hashes = [FIREBASE_HASH, ...Object.values(CHEAP).map((hash) => hash('user1password'))];
  const isBroken = (line: number) => line % 1000 === 500;
  const text = Array.from({ length: TOTAL }, (_, i) => {
    const line = i + 1;
    if (isBroken(line)) return '{"email": ';
    return JSON.stringify({ email: `u${line}@example.com`, passwordHash: hashes[line % hashes.length] });
  });
  const file = join(folder, 'users.ndjson');
  await writeFile(file, text.join('\n'));

  const first = start(file);
  await eventually(async () => expect(await countUsers()).toBeGreaterThan(1000));
  first.child.kill('SIGKILL');
  expect((await first.ended).code).toBeNull();
  await eventually(async () => {
    const running = await world.sql(
      "select from pg_stat_activity where query like '%jsonb_to_recordset%' and state = 'active' and pid <> pg_backend_pid()",
    );
    expect(running).toEqual([]);
  });
  const before = await countUsers();
  expect(before).toBeLessThan(TOTAL - BROKEN);
  // Each statement makes its accounts and its audit event, or nothing.
  expect(before % 1000).toBe(0);

  const { code, out } = await start(file).ended;
  expect(code).toBe(5);
  const faults = [...out.matchAll(/^line (\d+): is not valid JSON$/gm)].map(([, line]) => Number(line));
  expect(faults).toEqual(Array.from({ length: BROKEN }, (_, i) => i * 1000 + 500));
  const show = (n: number) => n.toLocaleString('en-US');
  expect(out).toContain(`Imported ${show(TOTAL - BROKEN - before)} of 40,000 accounts.`);
  expect(out).toContain(`${show(before)} were there already`);
  expect(await countUsers()).toBe(TOTAL - BROKEN);

  const again = await start(file).ended;
  expect(again.out).toContain('Imported 0 of 40,000 accounts.\n39,960 were there already');
  expect(await countUsers()).toBe(TOTAL - BROKEN);
  const [{ logged }] = (await world.sql<{ logged: string }>(
    `select sum(substring(reason from '^[0-9]+')::integer) as logged from audit_events
     where type = 'USERS_IMPORTED' and reason like '%users.ndjson.'`,
  )) as [{ logged: string }];
  expect(Number(logged)).toBe(TOTAL - BROKEN);

  const node = await world.node();
  for (const line of [1, 2, 3, 4, 5, 39_999])
    expect((await node.api.tryLogin(`u${line}@example.com`, 'user1password')).code).toBeUndefined();
  await node.close();
});

test('a file that cannot be read, and wrong parameters of Firebase, stop before anything is done', async () => {
  const missing = await start(join(folder, 'nowhere')).ended;
  expect(missing).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^Nothing was imported: .* cannot be read: ENOENT/),
  });
  const cases: [Partial<ImportOptions>, RegExp][] = [
    [{}, /needs --hash-key/],
    [{ hashKey: 'AAAA' }, /of an unknown kind, or malformed/],
    [{ hashKey: FIREBASE.hashKey, memCost: 30 }, /of memory/],
    [{ hashKey: '@/nowhere/key' }, /^Nothing was imported: .* cannot be read: ENOENT/],
  ];
  for (const [options, sentence] of cases) {
    const { code, text } = await imported('', { format: 'firebase', ...options });
    expect(code).toBe(1);
    expect(text).toMatch(sentence);
    expect(text).not.toMatch(/ {4}at /);
  }
});

test('the export of Auth0 is imported as it comes', async () => {
  const { code, said } = await imported(
    lines(
      {
        _id: { $oid: '5dea9f9c82dd7c0e76e4ec93' },
        email_verified: true,
        email: 'a@example.com',
        passwordHash: CHEAP.bcrypt('from Auth0'),
        password_set_date: { $date: '2019-12-06T18:36:12.412Z' },
        tenant: 'x',
        connection: 'Username-Password-Authentication',
        _tmp_is_unique: true,
      },
      {
        _id: { $oid: '5' },
        passwordHash: CHEAP.bcrypt('from Auth0'),
        identifiers: [{ type: 'email', value: 'b@example.com', verified: true }],
      },
      { _id: { $oid: '6' }, email: 'c@example.com', blocked: true },
    ),
    { format: 'auth0' },
  );
  expect({ code, said }).toEqual({ code: 0, said: '' });
  expect(await users()).toMatchObject([
    { email: 'a@example.com', email_verified: true, disabled: false },
    { email: 'b@example.com', email_verified: true },
    { email: 'c@example.com', email_verified: false, password_hash: null, disabled: true },
  ]);
  const node = await world.node();
  expect((await node.api.tryLogin('b@example.com', 'from Auth0')).code).toBeUndefined();
  await node.close();
});

const user = (name: string, more: object = {}) => ({ localId: name, email: `${name}@example.com`, ...more });

test.each([
  [
    'as firebase-tools writes it',
    (all: object[]) => `{"users": [\n${all.map((each) => JSON.stringify(each, null, 2)).join(',\n')}]}`,
  ],
  ['in one line', (all: object[]) => JSON.stringify({ users: all })],
  ['indented', (all: object[]) => JSON.stringify({ users: all }, null, 4)],
  ['as an array', (all: object[]) => JSON.stringify(all)],
  ['as lines', (all: object[]) => lines(...all)],
])('the export of Firebase is read %s', async (_, write) => {
  const all = [
    user('a'),
    user('b', { displayName: '{"}[\\', providerUserInfo: [{ providerId: 'google.com' }] }),
    user('c'),
  ];
  for (const at of [1, 3, 10_000]) {
    const { said, code } = await imported(write(all), { format: 'firebase', hashKey: FIREBASE.hashKey }, at);
    expect({ said, code }).toEqual({ said: '', code: 0 });
    expect(await emails()).toEqual(['a@example.com', 'b@example.com', 'c@example.com']);
    await world.sql("delete from users where role = 'USER'");
  }
});

test('a broken user in the export of Firebase takes no other with it', async () => {
  const pretty = (each: object) => JSON.stringify(each, null, 2);
  const parts = [
    pretty(user('a')),
    pretty(user('not closed')).slice(0, -2),
    pretty(user('b')),
    pretty(user('no-quote')).replace('no-quote@example.com"', ''),
    pretty(user('c')),
    pretty(user('not-opened')).slice(1),
    pretty({ localId: 'phone', phoneNumber: '+1' }),
    pretty(user('d')),
    pretty(user('long', { displayName: 'x'.repeat(LONGEST_PIECE) })),
    pretty(user('e', { passwordHash: 'AAAA' })),
    pretty(user('f')),
  ];
  const text = `{"users": [\n${parts.join(',\n')}]}`;
  const { said, code } = await imported(text, { format: 'firebase', hashKey: FIREBASE.hashKey }, 1000);
  expect(code).toBe(5);
  expect(await emails()).toEqual(['a', 'b', 'c', 'd', 'f'].map((name) => `${name}@example.com`));
  const reasons = said
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/^line \d+: /, ''));
  expect(reasons).toEqual([
    'is not valid JSON',
    'is not valid JSON',
    'is not valid JSON',
    'has no email',
    `is longer than ${LONGEST_PIECE} bytes`,
    'has a passwordHash without a salt',
  ]);
  const numbers = [...said.matchAll(/^line (\d+):/gm)].map(([, line]) => Number(line));
  const at = (name: string) => text.slice(0, text.indexOf(name)).split('\n').length - 1;
  expect([numbers[0], numbers[4], numbers[5]]).toEqual([at('not closed'), at('"long"'), at('"e"')]);
});

test('on a terminal a bar shows the progress, and faults stay above it', () => {
  let shown = '';
  const progress = new Progress({ isTTY: true, write: (text: string) => (shown += text) }, 200);
  jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 1000);
  progress.advance(100, 5000);
  progress.say('line 7: is not valid JSON');
  progress.end();
  jest.restoreAllMocks();
  expect(shown).toMatch(/\[#{15}-{15}\] {2}50 % 5,000 accounts read, [\d,]+ a second/);
  expect(shown).toContain('\r\u001b[Kline 7: is not valid JSON\n');
});
