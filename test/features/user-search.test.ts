import { ADMIN } from '../support/api';
import { sharedNodes, sharedWorld } from '../support/shared';

const own = sharedWorld();
const [node] = sharedNodes(own, {});
const LONGEST = `${'q'.repeat(64)}@${'long-name.'.repeat(18)}example`;
const EMAILS = ['Page_3@example.com', 'pagex3@example.com', 'page_1@example.com', 'page_2@163.example'];
const ODD = ['a%b@example.com', 'a_b@example.com', "o'neill@example.com", 'JOSÉ@example.com'];
let accessToken: string;
beforeAll(async () => {
  ({ accessToken } = await node.api.loginAsAdmin());
  const emails = [...EMAILS, ...ODD, LONGEST, LONGEST.replaceAll('q', 'r'), 'qz@example.com'];
  for (const email of emails) await node.api.register(email);
});

const SEARCH = `query($s: String, $first: Int, $after: String) { users(search: $s, first: $first, after: $after) {
  edges { cursor node { email } } pageInfo { hasNextPage endCursor } } }`;
const page = async (s: string, first = 100, after: string | null = null) => {
  const { users } = node.api.expect(await node.api.send(SEARCH, { s, first, after }, accessToken));
  return {
    emails: users.edges.map((edge: any) => edge.node.email) as string[],
    cursor: users.pageInfo.endCursor as string,
    hasNextPage: users.pageInfo.hasNextPage as boolean,
  };
};

test.each([
  ['of nothing in another place', 'example', []],
  ['in any letter case', 'PAGE_3@EX', ['Page_3@example.com']],
  ['in the order of the emails', 'page', [EMAILS[2], EMAILS[3], EMAILS[0], EMAILS[1]]],
  ['with _ as a character', 'page_', [EMAILS[2], EMAILS[3], EMAILS[0]]],
  ['with % as a character', 'a%', ['a%b@example.com']],
  ['with only %', '%', []],
  ['with a backslash as a character', 'page\\', []],
  ['with a quotation mark', "o'", ["o'neill@example.com"]],
  ['with an accent', 'jose\u0301', ['JOSÉ@example.com']],
  ['with a domain that begins with a number', 'page_2@1', ['page_2@163.example']],
  ['of the whole email', LONGEST, [LONGEST]],
  ['of more than the email', 'page_1@example.com.', []],
  ['of the last character', '\u{10ffff}', []],
])('a search %s', async (_name, s, emails) => {
  expect((await page(s)).emails).toEqual(emails);
});

test('an empty search lists all, oldest first', async () => {
  const { emails } = await page('');
  expect(emails.slice(0, 3)).toEqual([ADMIN.email, ...EMAILS.slice(0, 2)]);
  expect((await page('', 1)).hasNextPage).toBe(true);
});

test('a search comes in pages, of the longest emails too', async () => {
  const seen: string[] = [];
  let after: string | null = null;
  for (;;) {
    const one = await page('q', 1, after);
    seen.push(...one.emails);
    if (!one.hasNextPage) break;
    after = one.cursor;
  }
  expect(seen).toEqual([LONGEST, 'qz@example.com']);
});

test('a page begins after its cursor, even if that user is gone or the search is another', async () => {
  const { cursor } = await page('page', 2);
  expect((await page('page', 1, cursor)).emails).toEqual([EMAILS[0]]);
  await own.sql('delete from users where email = $1', [EMAILS[3]]);
  expect((await page('page', 1, cursor)).emails).toEqual([EMAILS[0]]);
  expect((await page('pagex', 1, cursor)).emails).toEqual([EMAILS[1]]);
  expect((await page('a', 9, cursor)).emails).toEqual([]);
});

test('a cursor of the other list is refused', async () => {
  const [all, found] = [await page('', 1), await page('page', 1)];
  for (const [s, after] of [
    ['page', all.cursor],
    ['', found.cursor],
  ])
    expect(await node.api.send(SEARCH, { s, after }, accessToken)).toMatchObject({
      status: 400,
      code: 'BAD_USER_INPUT',
      errors: [{ message: expect.stringContaining('"after" is not a cursor of this list.') }],
    });
});
