import type { Revocation } from '../../src/core/revocation';
import type { FakeToken } from '../support/fake-guard';

/** Each kind of revocation: one that refuses a token, and what a token of the same user has that it does not refuse. */
export const KINDS: [Revocation['kind'], (token: FakeToken) => Revocation, Partial<FakeToken>][] = [
  ['TOKEN', ({ sub, jti }) => ({ kind: 'TOKEN', userId: sub, tokenId: jti }), {}],
  ['SESSION', ({ sub, sid }) => ({ kind: 'SESSION', userId: sub, sessionId: sid }), {}],
  ['USER', ({ sub }) => ({ kind: 'USER', userId: sub, tokenVersion: 2 }), { tokenVersion: 2 }],
  ['EVERYONE', () => ({ kind: 'EVERYONE', globalVersion: 2 }), { globalVersion: 2 }],
  ['KEY', ({ keyId }) => ({ kind: 'KEY', keyId }), { keyId: 'another key' }],
];
