import { createGuard, type ServiceGuard } from '../../src/guard/create-guard';
import { systemClock } from '../../src/core/clock';
import type { TellingGuard } from '../../src/guard/graphql-ws';
import { PASSWORD, type Tokens } from '../support/api';
import { ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { createWorld, type TestNode, type World } from '../support/world';
import type { Service } from './adapters/adapter';
import { apollo, apolloOnFastify, typeGraphql } from './adapters/apollo';
import { onGraphqlWs } from './adapters/graphql-ws';
import { onExpress, onFastify } from './adapters/rest';

/** Long enough for a busy machine: without a current view a new user's token cannot be checked. */
const LEASE = '3s';

let world: World;
let node: TestNode;
let good: ServiceGuard;
/** It can reach no store, so it cannot check tokens. */
let away: ServiceGuard;
/** Its clock is an hour ahead. */
let late: ServiceGuard;
let admin: Tokens;

beforeAll(async () => {
  world = await createWorld();
  node = await world.node({ ISSUER, REVOCATION_LEASE: LEASE });
  const options = trusting(node);
  good = await createGuard({ ...options, redis: world.redisUrl });
  away = await createGuard({ ...options, redis: 'redis://127.0.0.1:1' });
  const clock = { ...systemClock, now: () => Date.now() + 3_600_000 };
  late = await createGuard({ ...options, redis: 'redis://127.0.0.1:1', clock });
  admin = await node.api.loginAsAdmin();
});
afterAll(async () => {
  for (const guard of [good, away, late]) await guard.close();
  await world.close();
});

const bearer = ({ accessToken }: Tokens) => [`Bearer ${accessToken}`];

describe.each([apollo, apolloOnFastify, typeGraphql, onExpress, onFastify, onGraphqlWs])(
  '$name',
  (adapter) => {
    const { sees } = adapter;
    let inUse: Pick<TellingGuard, 'authenticate'>;
    let service: Service;

    beforeAll(async () => {
      service = await adapter.start({
        authenticate: (authorization) => inUse.authenticate(authorization),
        onRevocation: (listener) => good.onRevocation(listener),
      });
    });
    beforeEach(async () => {
      inUse = good;
      await untilGuardIsCurrent(good);
    });
    afterAll(() => service.close());

    test.each(['Bearer', 'bearer', 'BEARER'])(
      'a good token names its user, with the scheme written "%s"',
      async (scheme) => {
        const tokens = await node.api.newUser();
        const seen = await service.ask([`${scheme} ${tokens.accessToken}`]);
        expect(seen).toEqual({ userId: tokens.user.id });
      },
    );

    test('a request without a token is refused as such', async () => {
      expect(await service.ask([])).toEqual(sees.TOKEN_MISSING);
    });

    test.each(['nonsense', 'Bearer', 'Bearer x.y.z', 'Bearer nonsense', 'Basic dTpw'])(
      'a malformed token is refused: "%s"',
      async (authorization) => {
        expect(await service.ask([authorization])).toEqual(sees.TOKEN_INVALID);
      },
    );

    test('a tampered token is refused', async () => {
      const [header, , signature] = admin.accessToken.split('.');
      const [, payload] = (await node.api.newUser()).accessToken.split('.');
      expect(await service.ask([`Bearer ${header}.${payload}.${signature}`])).toEqual(sees.TOKEN_INVALID);
    });

    test('a request with two tokens is refused, even if one is good', async () => {
      const [tokens] = bearer(await node.api.newUser());
      expect(await service.ask([tokens!, 'Bearer x.y.z'])).toEqual(sees.TOKEN_INVALID);
      expect(await service.ask(['Bearer x.y.z', tokens!])).toEqual(sees.TOKEN_INVALID);
      expect(await service.ask([tokens!, tokens!])).toEqual(sees.TOKEN_INVALID);
    });

    test('an expired token is refused', async () => {
      inUse = late;
      expect(await service.ask(bearer(await node.api.newUser()))).toEqual(sees.TOKEN_EXPIRED);
    });

    test('a token revoked between two requests is refused at the second', async () => {
      const tokens = await node.api.newUser();
      expect(await service.ask(bearer(tokens))).toEqual({ userId: tokens.user.id });
      expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
      await untilGuardIsCurrent(good);
      expect(await service.ask(bearer(tokens))).toEqual(sees.TOKEN_REVOKED);
    });

    test('a field for administrators is served only to administrators', async () => {
      expect(await service.ask(bearer(admin), 'admin')).toEqual({ userId: admin.user.id });
      expect(await service.ask(bearer(await node.api.newUser()), 'admin')).toEqual(sees.FORBIDDEN);
      expect(await service.ask([], 'admin')).toEqual(sees.TOKEN_MISSING);
    });

    test('a field for a recent sign-in asks for the password again, however often the token was refreshed', async () => {
      const tokens = await node.api.newUser();
      expect(await service.ask(bearer(tokens), 'recent')).toEqual({ userId: tokens.user.id });
      await world.sql(
        "update sessions set authenticated_at = authenticated_at - interval '10 minutes' where id = $1",
        [tokens.session.id],
      );
      const refreshed = await node.api.refreshed(tokens);
      expect(await service.ask(bearer(refreshed), 'recent')).toEqual(sees.TOO_OLD);
      expect(await service.ask(bearer(refreshed))).toEqual({ userId: tokens.user.id });
      expect(await service.ask([], 'recent')).toEqual(sees.TOKEN_MISSING);
      const confirmed = (await node.api.mutate(
        `confirmPassword(password: "${PASSWORD}") { accessToken }`,
        refreshed.accessToken,
      )) as Tokens;
      expect(await service.ask(bearer(confirmed), 'recent')).toEqual({ userId: tokens.user.id });
    });

    test('a token that cannot be checked is neither accepted nor called bad', async () => {
      inUse = away;
      const tokens = await node.api.newUser();
      expect(await service.ask(bearer(tokens))).toEqual(sees.SERVICE_UNAVAILABLE);
      expect(await service.ask(bearer(admin), 'admin')).toEqual(sees.SERVICE_UNAVAILABLE);
      expect(await service.ask([])).toEqual(sees.TOKEN_MISSING);
      inUse = good;
      expect(await service.ask(bearer(tokens))).toEqual({ userId: tokens.user.id });
    });

    test('a guard that fails unexpectedly accepts no token', async () => {
      inUse = { authenticate: () => Promise.reject(new Error('a fault made on purpose')) };
      expect(await service.ask(bearer(await node.api.newUser()))).toEqual(sees.FAULT);
    });
  },
);
