import { randomBytes, randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/postgres/data-source';
import { codeOf } from '../../src/postgres/faults';
import { GRANTS } from '../../src/postgres/grants';
import { hasPendingMigrations } from '../../src/postgres/ledger';
import { outboxIn } from '../../src/postgres/outbox';
import { purge } from '../../src/postgres/purge';
import { lockSealedKeys, replaceSealedKey } from '../../src/postgres/sealed-keys';
import { LEDGER, tablesOf } from '../../src/postgres/tables';
import { createTruth } from '../../src/postgres/truth';
import { adminHere } from '../support/admin-command';
import { createWorld, startNode, type World } from '../support/world';

let world: World;
const role = `node of ${randomBytes(6).toString('hex')}`;
let env: { DATABASE_URL: string; DATABASE_SCHEMA: string };
let dataSource: DataSource;

beforeAll(async () => {
  world = await createWorld({ redis: null });
  await world.sql(`create role "${role}" login`);
  const url = new URL(world.databaseUrl);
  url.username = role;
  env = { DATABASE_URL: url.href, DATABASE_SCHEMA: 'auth' };
});
afterAll(async () => {
  await dataSource.destroy();
  await world.stop();
  await world.sql(`drop owned by "${role}"`);
  await world.sql(`drop role "${role}"`);
  await world.close();
});

const migrate = (...args: string[]) =>
  adminHere(['migrate', ...args], { ...env, DATABASE_URL: world.databaseUrl });

test('a role that owns nothing runs nodes after another role has migrated', async () => {
  await expect(startNode(env)).rejects.toThrow(/npx tokenfence admin migrate --grant/);
  expect(await migrate('--grant', 'nobody of this name')).toMatchObject({
    code: 1,
    output: expect.stringMatching(/Nothing was changed: there is no role "nobody of this name"/),
  });
  expect(await world.sql(`select from pg_namespace where nspname = 'auth'`)).toEqual([]);

  expect(await migrate()).toMatchObject({ code: 0 });
  // The tables are there, and the role may not read them.
  await expect(startNode(env)).rejects.toThrow(/permission denied.*npx tokenfence admin migrate --grant/);
  for (let i = 0; i < 2; i++) expect(await migrate('--grant', role)).toMatchObject({ code: 0 });

  const node = await world.node(env);
  const tokens = await node.api.refreshed(await node.api.newUser());
  expect(await node.api.end('logoutEverywhere', tokens.accessToken)).toMatchObject({ confirmed: true });
  expect((await node.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');

  dataSource = await createDataSource(
    { url: env.DATABASE_URL, schema: 'auth' },
    { statementTimeout: 5000, poolSize: 1 },
  ).initialize();
  for (const statement of [
    'create table auth.more ()',
    'alter table auth.users add more text',
    'truncate auth.revocations',
    'drop table auth.audit_events',
    `delete from auth.${LEDGER}`,
    'create schema more',
  ])
    await expect(dataSource.query(statement)).rejects.toMatchObject({ driverError: { code: '42501' } });
});

test('the node needs each right that it is granted', async () => {
  const truth = createTruth(dataSource, { hasCopies: true, clockSkew: 0 });
  const outbox = outboxIn(dataSource.manager);
  const event = { type: 'FORCED_LOGOUT' } as const;
  const undone = new Error('undone');
  const alone = (work: Parameters<typeof truth.transaction>[0]) =>
    truth
      .transaction(async (tables) => {
        await work(tables);
        throw undone;
      })
      .catch((error: unknown) => {
        if (error !== undone) throw error;
      });
  const person = { email: 'somebody@example.com', role: 'USER', passwordHash: 'none' };
  const actions: (() => Promise<unknown>)[] = [
    () => truth.ping(),
    () => hasPendingMigrations(dataSource),
    () => truth.users.page({ first: 1 }),
    () => alone(({ users }) => users.insert(person)),
    () => alone(({ users }) => users.delete(randomUUID())),
    () => alone(({ ends }) => ends.user(randomUUID(), event, { carryOver: 'all' })),
    () => alone(({ ends }) => ends.session({ id: randomUUID() }, event)),
    () => alone(({ ends }) => ends.everyone(event)),
    () => alone(({ ends }) => ends.keys(event)),
    () => truth.sessions.countLive(),
    () =>
      alone(async ({ users, sessions }) => {
        const { id } = await users.insert(person);
        const [usedAt, expiresAt] = [new Date(), new Date(Date.now() + 60_000)];
        const passwordHash = person.passwordHash;
        const session = { id: randomUUID(), salt: Buffer.alloc(16), usesCookie: false, usedAt, idleTtl: 60 };
        await sessions.open({
          ...session,
          userId: id,
          passwordHash,
          expiresAt,
          keep: 5,
          event,
          surplusEvent: event,
        } as Parameters<typeof sessions.open>[0]);
      }),
    () => truth.log.since(1000),
    () => truth.log.markConfirmed([randomUUID()]),
    () => truth.signingKeys.list(),
    () =>
      alone(({ signingKeys }) =>
        signingKeys.insert({ id: 'x', algorithm: 'ES256', publicKey: '', sealedPrivateKey: '' }),
      ),
    () => truth.refreshKeys.list(),
    () => alone(({ refreshKeys }) => refreshKeys.insert({ id: 60_000, sealedKey: '' })),
    () => dataSource.transaction((inside) => lockSealedKeys(inside)),
    () => replaceSealedKey(dataSource.manager, { of: 'refresh', id: '60000', sealed: '' }),
    () => truth.audit.page({ first: 1 }),
    () => alone(({ audit }) => audit.append(event)),
    () => outbox.oldest(),
    () => outbox.claim(1, 0),
    () => outbox.remove({ id: randomUUID(), attempts: 1 }),
    () =>
      alone(({ mails }) => mails.writeToAddress(person.email, { kind: 'password-reset', data: {} }, event)),
    () => purge(dataSource, { now: 0, clockSkew: 0, auditRetention: 1_000_000 }),
  ];
  const failures = async () => {
    const outcomes = [];
    for (const action of actions)
      outcomes.push(
        await action().then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
    return outcomes.filter((error) => error !== undefined);
  };

  expect(await failures()).toEqual([]);
  expect(Object.keys(GRANTS).sort()).toEqual([...tablesOf(dataSource), LEDGER].sort());
  for (const [table, rights] of Object.entries(GRANTS))
    for (const right of rights) {
      await world.sql(`revoke ${right} on auth.${table} from "${role}"`);
      const refused = await failures();
      expect([table, right, refused.length > 0]).toEqual([table, right, true]);
      expect(refused.map(codeOf)).toEqual(refused.map(() => '42501'));
      await world.sql(`grant ${right} on auth.${table} to "${role}"`);
    }
  expect(await failures()).toEqual([]);
});
