import { randomUUID } from 'node:crypto';
import { decode, sign } from 'jsonwebtoken';
import type { Link } from '../../src/core/link';
import { linkUrl } from '../../src/core/link';
import { createLinkTokens, LONGEST_LINK_TOKEN } from '../../src/tokens/link';
import {
  createRefreshKeyGenerator,
  createRefreshKeyRing,
  openRefreshKey,
} from '../../src/tokens/refresh-keys';
import { seal, tokenWith } from './tokens';

const NOW = 1_800_000_000_000;
const generate = createRefreshKeyGenerator(seal);
const first = generate([])!;
const second = generate([first])!;

const LINK: Link = {
  purpose: 'reset-password',
  userId: randomUUID(),
  email: 'ada@example.com',
  tokenVersion: 3,
};
const HOUR = { issuedAt: new Date(NOW), lifetime: 3600 };

async function newNode() {
  const state = { now: NOW, stored: [first] };
  const clock = { now: () => state.now, monotonic: () => state.now };
  const keys = createRefreshKeyRing({ list: () => Promise.resolve(state.stored), seal, clock });
  await keys.reload();
  return { state, keys, links: createLinkTokens(keys, clock) };
}

test('a link is read for its purpose, and for no other', async () => {
  const { links } = await newNode();
  const token = links.make(LINK, HOUR);
  expect(await links.read(token, ['verify-email', 'reset-password'])).toEqual(LINK);
  expect(await links.read(token, ['verify-email', 'confirm-email', 'accept-invitation'])).toBeUndefined();
});

test('one mail has one link, however often it is made', async () => {
  const { links } = await newNode();
  expect(links.make(LINK, HOUR)).toBe(links.make(LINK, HOUR));
});

test('a link ends with its time, and not before', async () => {
  const { state, links } = await newNode();
  const token = links.make(LINK, HOUR);
  state.now = NOW + 3_599_000;
  expect(await links.read(token, ['reset-password'])).toEqual(LINK);
  state.now = NOW + 3_600_000;
  expect(await links.read(token, ['reset-password'])).toBeUndefined();
});

test('links of older keys are read, and those of newer ones that another node made', async () => {
  const [one, other] = [await newNode(), await newNode()];
  const old = one.links.make(LINK, HOUR);
  one.state.stored = [first, second];
  await one.keys.reload();
  const next = one.links.make(LINK, HOUR);
  expect(decode(next, { complete: true })?.header.kid).toBe('2');
  expect(await one.links.read(old, ['reset-password'])).toEqual(LINK);
  other.state.stored = [first, second];
  expect(await other.links.read(next, ['reset-password'])).toEqual(LINK);
});

test('a token that is not a link of ours is refused', async () => {
  const { links } = await newNode();
  const good = links.make(LINK, HOUR);
  const [header = '', claims = '', signature = ''] = good.split('.');
  const { key } = openRefreshKey(first, seal);
  const head = { alg: 'HS256', typ: 'link+jwt', kid: '1' } as const;
  const payload = { aud: LINK.purpose, sub: LINK.userId, email: LINK.email, tokenVersion: 3, exp: NOW };
  const none = Buffer.from(JSON.stringify({ ...head, alg: 'none' })).toString('base64url');
  const forged = [
    '',
    'a.b.c',
    `${header}.${claims}.`,
    `${header}.${claims}.${signature.slice(1)}A`,
    `${none}.${claims}.`,
    `${none}.${claims}.${signature}`,
    `${good}.${signature}`,
    // The key itself, without the derivation, signs no link.
    sign(payload, key, { algorithm: 'HS256', header: head }),
    tokenWith({}, { typ: 'link+jwt', kid: '1' }),
    tokenWith({}),
    'a'.repeat(LONGEST_LINK_TOKEN + 1),
  ];
  for (const token of forged) expect(await links.read(token, ['reset-password'])).toBeUndefined();
});

test('the longest email fits into a link', async () => {
  const { links } = await newNode();
  const link = { ...LINK, email: `${'語'.repeat(190)}@${'ü'.repeat(50)}.example.com` };
  expect(await links.read(links.make(link, HOUR), ['reset-password'])).toEqual(link);
});

test('the token is in the fragment of the URL', () => {
  expect(linkUrl('https://app.example.com/auth', 'undo-email', 'a.b.c')).toBe(
    'https://app.example.com/auth/confirm-email#token=a.b.c',
  );
});
