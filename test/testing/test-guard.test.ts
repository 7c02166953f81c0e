import { randomUUID } from 'node:crypto';
import { readClaims } from '../../src/core/claims';
import {
  createTestTokenfence,
  type Refusal,
  testGuard,
  type TestGuard,
  testPrincipal,
} from '../../src/testing';
import type { Service } from '../guard/adapters/adapter';
import { apollo, apolloOnFastify, typeGraphql } from '../guard/adapters/apollo';
import { onGraphqlWs, serveSockets } from '../guard/adapters/graphql-ws';
import { onExpress, onFastify } from '../guard/adapters/rest';
import { schema } from '../guard/adapters/schema';
import { TestSocket } from '../support/socket';

interface Ours {
  claims: { tenant: string };
  role: 'EDITOR';
}

describe.each([apollo, apolloOnFastify, typeGraphql, onExpress, onFastify, onGraphqlWs])(
  '$name',
  (adapter) => {
    const { sees } = adapter;
    let guard: TestGuard;
    let service: Service;
    beforeAll(async () => {
      guard = testGuard();
      service = await adapter.start(guard);
    });
    beforeEach(() => guard.answer());
    afterAll(() => service.close());

    test('every request has the user that the guard was told', async () => {
      const [ada, root] = [testPrincipal(), testPrincipal({ role: 'ADMIN' })];
      guard.answer(ada);
      expect(await service.ask([])).toEqual({ userId: ada.userId });
      expect(await service.ask(['Bearer nonsense'])).toEqual({ userId: ada.userId });
      expect(await service.ask([], 'admin')).toEqual(sees.FORBIDDEN);
      guard.answer(root);
      expect(await service.ask([], 'admin')).toEqual({ userId: root.userId });
    });

    test.each<Refusal>([
      'TOKEN_MISSING',
      'TOKEN_INVALID',
      'TOKEN_EXPIRED',
      'TOKEN_REVOKED',
      'SERVICE_UNAVAILABLE',
    ])('every request is refused as the guard was told: %s', async (refusal) => {
      const authorization = guard.authorizationOf(testPrincipal());
      guard.answer(refusal);
      expect(await service.ask([authorization])).toEqual(sees[refusal]);
    });

    test('requests say who they are, and are judged as by a real guard', async () => {
      const [ada, bob] = [testPrincipal(), testPrincipal()];
      const late = testPrincipal({ token: { exp: Math.floor(Date.now() / 1000) - 1 } });
      const authorization = guard.authorizationOf(ada);
      expect(await service.ask([authorization])).toEqual({ userId: ada.userId });
      expect(await service.ask([guard.authorizationOf(bob)])).toEqual({ userId: bob.userId });
      expect(await service.ask([])).toEqual(sees.TOKEN_MISSING);
      expect(await service.ask(['Bearer test-nobody'])).toEqual(sees.TOKEN_INVALID);
      expect(await service.ask([authorization, authorization])).toEqual(sees.TOKEN_INVALID);
      expect(await service.ask([guard.authorizationOf(late)])).toEqual(sees.TOKEN_EXPIRED);
      guard.revoke(ada);
      expect(await service.ask([authorization])).toEqual(sees.TOKEN_REVOKED);
      expect(await service.ask([guard.authorizationOf(bob)])).toEqual({ userId: bob.userId });
    });
  },
);

test('a socket is closed as soon as the guard revokes its user', async () => {
  const guard = testGuard();
  const { url, close } = await serveSockets(schema, guard);
  const [ada, bob] = [testPrincipal(), testPrincipal()];
  const sockets = await Promise.all(
    [ada, bob].map(async (user) => {
      const socket = await TestSocket.open(url);
      socket.send({ type: 'connection_init', payload: { authorization: guard.authorizationOf(user) } });
      await socket.receive('connection_ack');
      return socket;
    }),
  );
  guard.revoke({ kind: 'USER', userId: ada.userId, tokenVersion: 2 });
  expect(await sockets[0]!.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  expect(sockets[1]!.isOpen).toBe(true);
  await sockets[1]!.close();
  await close();
});

test('a listener hears of each revocation until it stops', () => {
  const guard = testGuard();
  const heard = jest.fn();
  const stop = guard.onRevocation(heard);
  guard.onRevocation(heard);
  const ada = testPrincipal();
  guard.revoke(ada);
  const { userId, sessionId } = ada;
  expect(heard.mock.calls).toEqual(
    [0, 1].map(() => [expect.objectContaining({ kind: 'SESSION', userId, sessionId }), true]),
  );
  stop();
  guard.revoke({ kind: 'EVERYONE', globalVersion: 2 });
  expect(heard).toHaveBeenCalledTimes(3);
  expect(guard.status()).toEqual({ view: 'current', node: 'off', redis: 'off', viewSize: 2, keys: 1 });
});

test('a principal of a test is whole: its token says what it says, and a real guard could have read it', () => {
  const own = {
    claims: { tenant: 'acme' },
    role: 'EDITOR',
    userId: randomUUID(),
    token: { iat: 7 },
  } as const;
  const editor = testPrincipal<Ours>(own);
  editor.claims.tenant satisfies string;
  const { claims, keyId } = editor.token;
  expect(editor).toEqual({
    userId: own.userId,
    sessionId: claims.sid,
    tokenId: claims.jti,
    role: 'EDITOR',
    claims: { tenant: 'acme' },
    token: {
      keyId,
      claims: expect.objectContaining({ sub: own.userId, role: 'EDITOR', claims: own.claims, iat: 7 }),
    },
  });
  for (const principal of [editor, testPrincipal()])
    expect(readClaims(principal.token.claims, { issuer: claims.iss, audience: 'test' })).toEqual({
      ok: true,
      claims: principal.token.claims,
    });
  expect(testPrincipal().userId).not.toBe(testPrincipal().userId);
  expect(testPrincipal()).toMatchObject({ role: 'USER', claims: {} });
  // @ts-expect-error -- the type promises a tenant
  testPrincipal<Ours>();
  // @ts-expect-error -- the type promises a tenant
  testPrincipal<Ours>({ role: 'EDITOR' });
  // @ts-expect-error -- a misspelt role
  testPrincipal({ role: 'EDITR' });
});

test('nobody can open a guard of tests in production', async () => {
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production';
  try {
    expect(() => testGuard(testPrincipal())).toThrow('for tests only');
    await expect(createTestTokenfence()).rejects.toThrow('for tests only');
  } finally {
    process.env.NODE_ENV = NODE_ENV;
  }
});
