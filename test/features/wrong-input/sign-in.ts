import { createHmac } from 'node:crypto';
import { repeat } from '../../support/repeat';
import {
  ask,
  asUser,
  type Case,
  decode,
  each,
  encode,
  forge,
  type Given,
  halfOf,
  ME,
  me,
  NOBODY,
  refresh,
  refused,
  same,
  SECRET,
  withCookie,
} from './requests';

const AUTHORIZATIONS: Record<string, (given: Given) => string> = {
  'that is empty': () => '',
  'of spaces': () => '   ',
  'of the kind Basic': () => `Basic ${Buffer.from(`a@example.com:${SECRET}`).toString('base64')}`,
  'of the kind Digest': () => 'Digest username="a"',
  'of Bearer and nothing': () => 'Bearer',
  'of Bearer and spaces': () => 'Bearer    ',
  'without its kind': ({ user }) => user.accessToken,
  'of the kind BearerBearer': ({ user }) => `BearerBearer ${user.accessToken}`,
  'with a tab for the space': ({ user }) => `Bearer\t${user.accessToken}`,
  'with two tokens': ({ user }) => `Bearer ${user.accessToken} ${user.accessToken}`,
  'with two tokens and a comma': ({ user }) => `Bearer ${user.accessToken}, Bearer ${user.accessToken}`,
  'in quotation marks': ({ user }) => `Bearer "${user.accessToken}"`,
  'with a token of 9 KiB': () => `Bearer ${'a'.repeat(9 * 1024)}`,
  'with a good token and 9 KiB of signature': ({ user }) =>
    `Bearer ${user.accessToken}${'a'.repeat(9 * 1024)}`,
  'with a token cut in half': ({ user }) => `Bearer ${halfOf(user.accessToken)}`,
  'with a token without its signature': ({ user }) =>
    `Bearer ${user.accessToken.split('.').slice(0, 2).join('.')}.`,
  'with a signature that is changed': ({ user }) => `Bearer ${user.accessToken.slice(0, -10)}AAAAAAAAAA`,
  'with a token of one part': () => 'Bearer token',
  'with a token of dots': () => 'Bearer ..',
  'with a token of four parts': ({ user }) => `Bearer ${user.accessToken}.x`,
  'with a token of five parts': () => 'Bearer a.b.c.d.e',
  'with a token that is not JSON': () => `Bearer ${encode('no')}.${encode('JSON')}.${encode('at all')}`,
  'with a token whose header is null': () => `Bearer ${encode('null')}.${encode('null')}.x`,
  'with a token whose header is a list': () => `Bearer ${encode('[]')}.${encode('[]')}.x`,
  'with a refresh token': ({ user }) => `Bearer ${user.refreshToken}`,
  'with letters of other alphabets': () => 'Bearer \u00e9\u00fc\u00ff',
};

/** A field that is refused without a token, where `me` is null. */
const OTHERS = `{ user(id: "${NOBODY}") { id } }`;

const REFRESH_TOKENS: Record<string, (given: Given) => unknown> = {
  'that is null': () => null,
  'that is empty': () => '',
  'of a space': () => ' ',
  'cut in half': ({ user }) => halfOf(user.refreshToken),
  'with a letter too many': ({ user }) => `${user.refreshToken}A`,
  'with a line break': ({ user }) => `${user.refreshToken}\n`,
  'with another last letter': ({ user }) =>
    `${user.refreshToken.slice(0, -1)}${user.refreshToken.endsWith('A') ? 'E' : 'A'}`,
  'that was never issued': () => 'A'.repeat(84),
  'of null bytes': () => '\0'.repeat(84),
  'of half characters': () => '\ud800'.repeat(84),
  'of SQL': () => "' or 1=1 --",
  'of 30 kB': () => 'a'.repeat(30_000),
  'that is an access token': ({ user }) => user.accessToken,
};

const ORIGINS = {
  'of another site': 'https://evil.example',
  'that is null': 'null',
  'without a host': 'http://',
  'of another alphabet': '\u00ff',
  'of this machine, at another port': 'http://127.0.0.1',
  'that begins like an allowed one': 'https://app.example.com.evil.example',
};

/** Tokens, cookies and passwords that are refused. */
export const SIGN_IN: Case[] = [
  ...refused(401, 'UNAUTHENTICATED', {
    'no authorization': ask(OTHERS),
    ...each(
      'an authorization',
      AUTHORIZATIONS,
      (header) => (given) => ask(OTHERS, {}, { authorization: header(given) }),
    ),
    'two tokens, though each be good': ({ user, admin }) => {
      const { headers, body } = ask(ME);
      const authorization = [user, admin].map(({ accessToken }) => `Bearer ${accessToken}`);
      return { headers: { ...headers, authorization }, body };
    },
    'a token signed with another key': forge(same, same),
    'a token of alg none': forge((header) => ({ ...header, alg: 'none' }), same),
    'a token of alg none, without a signature': ({ user }) => {
      const [head, body = ''] = user.accessToken.split('.');
      return me(`Bearer ${encode({ ...decode(head), alg: 'none' })}.${body}.`);
    },
    'a token of alg HS256': ({ user }) => {
      const [head, body = ''] = user.accessToken.split('.');
      const signed = `${encode({ ...decode(head), alg: 'HS256' })}.${body}`;
      return me(`Bearer ${signed}.${createHmac('sha256', 'guess').update(signed).digest('base64url')}`);
    },
    'a token of no alg': forge(({ kid, typ }) => ({ kid, typ }), same),
    'a token of the type JWT': forge((header) => ({ ...header, typ: 'JWT' }), same),
    'a token of a key that is not ours': forge((header) => ({ ...header, kid: NOBODY }), same),
    'a token whose kid is SQL': forge((header) => ({ ...header, kid: "' or 1=1 --" }), same),
    'a token whose kid is a null byte': forge((header) => ({ ...header, kid: '\0' }), same),
    'a token whose kid is __proto__': forge((header) => ({ ...header, kid: '__proto__' }), same),
    'a token whose kid is a file': forge((header) => ({ ...header, kid: '../../etc/passwd' }), same),
    'a token whose kid is a list': forge((header) => ({ ...header, kid: [NOBODY] }), same),
    'a token that brings its key': forge((header) => ({ ...header, jwk: { kty: 'EC' } }), same),
    'a token that makes itself an administrator': forge(same, (claims) => ({ ...claims, role: 'ADMIN' })),
    'a token whose payload is text': forge(same, () => 'hello'),
    'a token whose payload is null': forge(same, () => null),
    'a logout with a forged token': ({ user }) =>
      ask('mutation { logout { scope } }', {}, { authorization: `Bearer ${halfOf(user.accessToken)}` }),
    'a logout with a cookie that is none': ask(
      'mutation { logout { scope } }',
      {},
      { cookie: 'refresh_token=%' },
    ),
  }),
  ...refused(403, 'FORBIDDEN', {
    'a user in an administrator’s place': asUser('{ users { pageInfo { hasNextPage } } }'),
    'a user who makes themselves an administrator': asUser(
      `mutation { setRole(userId: "${NOBODY}", role: ADMIN) { id } }`,
    ),
  }),
  ...refused(401, 'REFRESH_TOKEN_INVALID', {
    'no refresh token': refresh(undefined),
    ...each('a refresh token', REFRESH_TOKENS, (token) => (given) => refresh(token(given))),
    'a cookie that cannot be decoded': withCookie('refresh_token=%E0%A4%A'),
    'an invalid cookie': withCookie(';;=;,=\u00ff'),
    'a cookie of an encoded null byte': withCookie('refresh_token=%00'),
    'a cookie named __proto__': withCookie('__proto__=x; constructor=y'),
    'a cookie with half a token': ({ user }) => withCookie(`refresh_token=${halfOf(user.refreshToken)}`),
    'a thousand cookies': withCookie(repeat(1000, (i) => `c${i}=x`, '; ')),
    ...each(
      'a good cookie from an origin',
      ORIGINS,
      (origin) =>
        ({ user }) =>
          withCookie(`refresh_token=${user.refreshToken}`, { origin }),
    ),
  }),
  ...refused(400, 'BAD_USER_INPUT', {
    'a refresh token that is a number': refresh(42),
    'a refresh token in a list of two': ({ user }) => refresh([user.refreshToken, user.refreshToken]),
  }),
];
