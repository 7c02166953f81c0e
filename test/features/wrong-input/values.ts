import {
  asAdmin,
  asUser,
  type Case,
  COMMON_SECRET,
  each,
  encode,
  login,
  NOBODY,
  raw,
  refused,
  register,
  SECRET,
  SHORT_SECRET,
} from './requests';

const email = 'a@example.com';
const registerAs = (address: string) => register({ email: address, password: SECRET });
const registerWith = (password: unknown) => register({ email, password });
const loginAs = (address: string) => login({ email: address, password: SECRET });
const loginWith = (password: unknown) => login({ email, password });
const change = (currentPassword: string, newPassword: string) =>
  asUser('mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }', {
    input: { currentPassword, newPassword },
  });
const deletion = (p: string) =>
  asUser('mutation($p: String!) { deleteAccount(password: $p) { scope } }', { p });

const PAGE = '{ pageInfo { hasNextPage } }';
const users = (first: number) => asAdmin(`{ users(first: ${first}) ${PAGE} }`);
const events = (first: number) => asAdmin(`{ auditEvents(first: ${first}) ${PAGE} }`);
const usersWith = (n: unknown) => asAdmin(`query($n: Int) { users(first: $n) ${PAGE} }`, { n });
const search = (s: string) => asAdmin(`query($s: String) { users(search: $s) ${PAGE} }`, { s });
const userWith = (id: unknown) => asAdmin('query($id: ID!) { user(id: $id) { id } }', { id });
const role = (r: string) =>
  asAdmin(`mutation($r: Role!) { setRole(userId: "${NOBODY}", role: $r) { id } }`, { r });
const everyone = (r: string) =>
  asAdmin('mutation($r: String!) { forceLogoutAll(reason: $r) { scope } }', { r });

const CURSORS_OF_USERS = {
  'that is empty': '',
  'that is not base64': '%%%',
  'of another service': 'YXJyYXljb25uZWN0aW9uOjA=',
  'with a null byte': '\0',
  'of half a character': '\ud800',
  'of 10 kB': 'a'.repeat(10_000),
  'of a time but no id': encode('1700000000000|nobody'),
  'of an id but no time': encode(`soon|${NOBODY}`),
  'of a time before all calendars': encode(`-8640000000000000|${NOBODY}`),
  'of a time after all calendars': encode(`8640000000000001|${NOBODY}`),
  'of a fraction of a time': encode(`1e-7|${NOBODY}`),
  'with SQL in it': encode(`1|${NOBODY}' or 1=1 --`),
};

const CURSORS_OF_A_SEARCH = {
  'that is empty': '',
  'that is not base64': '%%%',
  'of half a character': '\ud800',
  'of 10 kB': 'a'.repeat(10_000),
  'of the list of all': encode(`1700000000000|${NOBODY}`),
  'of another kind of place': encode('mail|ada@example.com'),
  'with a null byte in it': encode('email|ada\0'),
  'of bytes that are no text': Buffer.from([...Buffer.from('email|'), 0xff]).toString('base64url'),
};

const CURSORS_OF_EVENTS = {
  'that is empty': '',
  'of another list': encode(`1700000000000|${NOBODY}`),
  'of no number': encode('first'),
  'of a number that no database holds': encode('9'.repeat(30)),
  'of a negative number': encode('-1'),
};

const IDS = ['', 'nobody', '1', NOBODY, `${NOBODY.toUpperCase()} `, '\0', '\ud800', "' or 1=1 --"];
const MUTATIONS_BY_ID = {
  forceLogout: '(userId: $id) { scope }',
  forceLogoutSession: '(sessionId: $id) { scope }',
  disableUser: '(userId: $id) { id }',
  enableUser: '(userId: $id) { id }',
  setRole: '(userId: $id, role: USER) { id }',
  logoutSession: '(sessionId: $id) { scope }',
};

/** Arguments and variables that are refused. */
export const VALUES: Case[] = [
  ...refused(400, 'BAD_USER_INPUT', {
    'variables that are missing': login(undefined),
    'an input of null': login(null),
    'an input in a list': login([{ email, password: SECRET }]),
    'an input without a password': login({ email }),
    'a password of null': loginWith(null),
    'a field that an input does not have': register({ email, password: SECRET, role: 'ADMIN' }),
    'a number for a password': loginWith(7_351_846_209),
    'a list for a password': loginWith([SECRET]),
    'an object for a password': loginWith({ $ne: SECRET }),
    'an object for a password that reads like a message about one': loginWith({
      is: `a; ${SECRET} at "input"; ${SECRET}: b`,
    }),
    'a password for a whole input': login(SECRET),
    'a password in place of a Boolean variable': login({ email, password: SECRET, useCookie: SECRET }),
    'a value that nests 5,000 deep': raw(
      `{"query":"query($id: ID!) { user(id: $id) { id } }","variables":{"id":${'['.repeat(5000)}${']'.repeat(5000)}}}`,
    ),
    'an email without @': registerAs('nobody'),
    'an empty email': registerAs(''),
    'an email of 10 kB': registerAs(`${'a'.repeat(10_000)}@example.com`),
    'an email with a null byte': registerAs('a\0b@example.com'),
    'an email with half of a character': registerAs('a\ud800b@example.com'),
    'an email with a line break': registerAs('a@example.com\r\nBcc: b@example.com'),
    'an email with a name': registerAs('A <a@example.com>'),
    'a login with an email of 10 kB': loginAs(`${'a'.repeat(10_000)}@example.com`),
    'a login with an email of half a character': loginAs('\udfff@example.com'),
    'SQL for an email': loginAs("' or 1=1 --"),
    'a password that is empty': registerWith(''),
    'a password of 7 characters': registerWith(SHORT_SECRET),
    'a password of 129 characters': registerWith(SECRET.padEnd(129, 'x')),
    'a password of 2,000 characters': registerWith(SECRET.padEnd(2000, 'x')),
    'a common password': registerWith(COMMON_SECRET),
    'a common password in capitals': registerWith(COMMON_SECRET.toUpperCase()),
    'a password with half of a character': registerWith(`${SECRET}\ud800`),
    'a login with a password of 2,000 characters': loginWith(SECRET.padEnd(2000, 'x')),
    'a new password that is too short': change('correct horse battery', SHORT_SECRET),
    'first: 0': users(0),
    'first: -1': users(-1),
    'first: 101': users(101),
    'first: 1000000000': events(1_000_000_000),
    'first: -2147483648': events(-2_147_483_648),
    'first: 1.5 in a variable': usersWith(1.5),
    'first: "many" in a variable': usersWith('many'),
    'an unknown role in a variable': role('GOD'),
    'a password in place of a role': role(SECRET),
    'a role named __proto__': role('__proto__'),
    'an id that is an object': userWith({ a: 1 }),
    'an id that is true': userWith(true),
    ...each('a cursor of users', CURSORS_OF_USERS, (after) =>
      asAdmin(`query($after: String) { users(after: $after) ${PAGE} }`, { after }),
    ),
    ...each('a cursor of a search', CURSORS_OF_A_SEARCH, (after) =>
      asAdmin(`query($after: String) { users(search: "a", after: $after) ${PAGE} }`, { after }),
    ),
    ...each('a cursor of events', CURSORS_OF_EVENTS, (after) =>
      asAdmin(`query($after: String) { auditEvents(after: $after) ${PAGE} }`, { after }),
    ),
    'a search with a null byte': search('\0'),
    'a search of 255 characters': search('x'.repeat(255)),
    'no reason where one is needed': asAdmin('mutation { forceLogoutAll(reason: "") { scope } }'),
    'a reason of 600 characters': everyone('x'.repeat(600)),
    'a reason with a null byte': everyone('a\0'),
    'a reason of 600 characters where none is needed': asAdmin(
      `mutation($r: String) { forceLogout(userId: "${NOBODY}", reason: $r) { scope } }`,
      { r: 'x'.repeat(600) },
    ),
  }),
  ...refused(409, 'CONFLICT', {
    'an email that is taken': ({ user }) => registerAs(user.user.email),
    'an email that is taken, in capitals': ({ user }) => registerAs(user.user.email.toUpperCase()),
  }),
  ...refused(401, 'INVALID_CREDENTIALS', {
    'SQL in an email': loginAs("'or/**/1=1--@example.com"),
    'a wrong password': ({ user }) => loginAs(user.user.email),
    ...each(
      'a login with',
      {
        'an empty password': '',
        'a password of null bytes': '\0'.repeat(99),
        'half of a character': `${SECRET}\udc00`,
      },
      (password) =>
        ({ user }) =>
          login({ email: user.user.email, password }),
    ),
    'a current password that is wrong': change(SECRET, `${SECRET} the second`),
    'a deletion with a wrong password': deletion(SECRET),
    'a deletion with a password of 30 kB': deletion(SECRET.padEnd(30_000, 'x')),
  }),
  ...[...IDS, 'x'.repeat(10_000)].flatMap((id) =>
    refused(
      404,
      'NOT_FOUND',
      Object.fromEntries(
        Object.entries(MUTATIONS_BY_ID).map(([name, rest]) => [
          `${name} for the id ${JSON.stringify(id.slice(0, 40))}`,
          asAdmin(`mutation($id: ID!) { ${name}${rest} }`, { id }),
        ]),
      ),
    ),
  ),
];
