import type * as argon2 from '@node-rs/argon2';
import { type Answer, PASSWORD } from '../support/api';
import { eventually } from '../support/eventually';
import { type FrontendMessage, startFrontendProxy, stringsOf } from '../support/frontend-proxy';
import { holdMails, MAILING, waitingMails } from '../support/links';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import type { TestNode } from '../support/world';

/** How many hashes were computed. They take their usual time here: a missing one must be seen. */
let hashes = 0;
jest.mock('@node-rs/argon2', () => {
  const actual = jest.requireActual<typeof argon2>('@node-rs/argon2');
  const counted =
    <A extends unknown[], R>(work: (...args: A) => R) =>
    (...args: A): R => {
      hashes++;
      return work(...args);
    };
  return { ...actual, hash: counted(actual.hash), verify: counted(actual.verify) };
});

/** The statements about users that were sent to Postgres. The node also works in the background: it claims mails. */
const sent: string[] = [];
const isAboutUsers = (text: string) => text.includes('"users"') && !text.includes('skip locked');

function listenIn() {
  const texts = new Map<string, string>();
  return (message: FrontendMessage) => {
    const [first = '', second = ''] = stringsOf(message);
    if (message.type === 'P') texts.set(first, second);
    const text = message.type === 'Q' ? first : message.type === 'B' ? (texts.get(second) ?? '?') : undefined;
    if (text !== undefined && isAboutUsers(text)) sent.push(text);
    return [message];
  };
}

const world = sharedWorld();
const wire = shared(() => startFrontendProxy(world.databaseUrl, listenIn));
const settings = { ...MAILING, MAIL_NOTICES: 'none' };
const [open, direct, invited] = sharedNodes(
  world,
  settings,
  { ...settings, REGISTRATION: 'verified' },
  { ...settings, REGISTRATION: 'invited' },
);
/** Its statements are noted on the way, which takes time. */
const verified = shared(() => world.node({ ...settings, REGISTRATION: 'verified', DATABASE_URL: wire.url }));
afterAll(async () => {
  await world.stop();
  await wire.close();
});
beforeAll(() => holdMails(world));

let names = 0;
const newEmail = () => `somebody${++names}@example.com`;

const change = (assignment: string) => async (email: string) => {
  await open.api.register(email);
  await world.sql(`update users set ${assignment} where email = $1`, [email]);
};
/** Makes an account of each kind with an email. */
const KINDS: Record<string, (email: string) => Promise<unknown>> = {
  verified: change('email_verified = true'),
  unverified: (email) => open.api.register(email),
  disabled: change('disabled_at = now()'),
  'of an administrator': change(`role = 'ADMIN'`),
  'without a password': change('password_hash = null'),
  registered: (email) => verified.api.tryRegister(email),
  invited: change('pending = true, password_hash = null'),
  'moved elsewhere, for less than a week': change(
    `previous_email = email, previous_email_key = email_key, previous_email_until = now() + interval '1 day',
       email = 'x' || email, email_key = 'x' || email`,
  ),
};

/** What a stranger may ask about an email, when REGISTRATION is not `open`. */
type Ask = (email: string, node?: TestNode) => Promise<Answer>;
const QUESTIONS: Record<string, Ask> = {
  'register, under "verified"': (email, { api } = verified) => api.tryRegister(email),
  login: (email, { api } = verified) => api.tryLogin(email, 'the wrong password'),
  requestPasswordReset: (email, { api } = verified) =>
    api.send('mutation($e: String!) { requestPasswordReset(email: $e) }', { e: email }),
  'register, under "invited"': (email) => invited.api.tryRegister(email),
};
const questions = Object.entries(QUESTIONS);
const kinds = Object.entries(KINDS);

/** The answer without what differs between any two answers. */
const seenIn = ({ status, headers, data, errors, extensions }: Answer) => ({
  status,
  data,
  errors,
  extensions,
  headers: [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name)),
});

test.each(questions)('%s answers the same for an account of every kind as for none', async (_name, ask) => {
  const unknown = seenIn(await ask(newEmail()));
  for (const [, make] of kinds) {
    const email = newEmail();
    await make(email);
    expect(seenIn(await ask(email))).toEqual(unknown);
  }
});

/** The statements and the number of hashes of one request. */
async function workOf(ask: () => Promise<Answer>) {
  const [from, hashesBefore] = [sent.length, hashes];
  await ask();
  return { statements: sent.slice(from), hashes: hashes - hashesBefore };
}

test.each(questions)('%s does the same work for an account of every kind as for none', async (_name, ask) => {
  await ask(newEmail());
  const work = await workOf(() => ask(newEmail()));
  for (const [, make] of kinds) {
    const email = newEmail();
    await make(email);
    expect(await workOf(() => ask(email))).toEqual(work);
  }
});

test.each(questions.slice(0, 3).filter(([name]) => name !== 'login'))(
  '%s writes one mail and one event, for an account of every kind and for none',
  async (_name, ask) => {
    const count = () =>
      world.sql<{ mails: string; events: string }>(
        'select (select count(*) from mails) as mails, (select count(*) from audit_events) as events',
      );
    const grown = async (email: string) => {
      const [before] = await count();
      await ask(email);
      const [after] = await count();
      return [Number(after!.mails) - Number(before!.mails), Number(after!.events) - Number(before!.events)];
    };
    expect(await grown(newEmail())).toEqual([1, 1]);
    for (const [, make] of kinds) {
      const email = newEmail();
      await make(email);
      expect(await grown(email)).toEqual([1, 1]);
    }
  },
);

test('a mail to an email without an account goes nowhere', async () => {
  const email = newEmail();
  await QUESTIONS.requestPasswordReset!(email);
  expect((await waitingMails(world)).find(({ recipient }) => recipient === email)).toMatchObject({
    userId: null,
    tokenVersion: null,
  });
});

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const timed = async (ask: () => Promise<Answer>) => {
  const begun = performance.now();
  await ask();
  return performance.now() - begun;
};

const REQUESTS = 20;

/**
 * The larger median over the smaller, of requests in turns, so that whatever else the machine does slows both. A missing
 * hash makes it 5 or more. A statement that is missing for one of them is seen above.
 */
async function ratioOf(ask: Ask): Promise<number> {
  const [known, unknown]: [number[], number[]] = [[], []];
  const account = newEmail();
  await KINDS.verified!(account);
  for (let i = 0; i < REQUESTS; i++) {
    const asKnown = async () => known.push(await timed(() => ask(account, direct)));
    const asUnknown = async () => unknown.push(await timed(() => ask(newEmail(), direct)));
    for (const each of i % 2 ? [asKnown, asUnknown] : [asUnknown, asKnown]) await each();
  }
  const [a, b] = [median(known), median(unknown)];
  if (process.env.TIMES) process.stderr.write(`${a.toFixed(2)} ms, ${b.toFixed(2)} ms\n`);
  return Math.max(a, b) / Math.min(a, b);
}

test.each(questions)('%s takes as long for a known email as for an unknown one', async (_name, ask) => {
  await eventually(async () => expect(await ratioOf(ask)).toBeLessThan(1.5), 40_000);
});

test('the right password of an account that must be verified is what tells of it, and nothing else does', async () => {
  const email = newEmail();
  await verified.api.tryRegister(email);
  expect((await verified.api.tryLogin(email, PASSWORD)).code).toBe('EMAIL_NOT_VERIFIED');
  expect((await verified.api.tryLogin(email, `${PASSWORD}!`)).code).toBe('INVALID_CREDENTIALS');
});
