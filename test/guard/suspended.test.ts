import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { GuardOptions } from '../../src/guard/guard-options';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { ISSUER, trusting } from '../support/guards';
import { type Proxy, startProxy } from '../support/proxy';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

const SECRET = 'of services, only for tests: 8Rk3vX9kLp';

/** Every way to check. */
const WAYS = ['follow', 'with Redis', 'Redis alone', 'records', 'ask'] as const;
type Way = (typeof WAYS)[number];

// Functions, and processes on a laptop or in a virtual machine, are suspended between two requests. Meanwhile leases end,
// and the network forgets their connections without telling them.
const world = sharedWorld();
// With this lease a logout waits longer for a suspended process than a connection may rest.
const [node] = sharedNodes(world, { ISSUER, INTROSPECTION_SECRET: SECRET, REVOCATION_LEASE: '1200ms' });
const redis = shared<Proxy>(() => startProxy(world.redisUrl!));
const auth = shared<Proxy>(() => startProxy(node.url));

let child: ChildProcess;
let port: number;
beforeAll(async () => {
  const url = new URL(auth.url).origin;
  const introspection = { url: `${url}/oauth/introspect`, secret: SECRET, rememberFor: 0 };
  const toFollow = { issuer: ISSUER, audience: 'api', server: url, secret: SECRET };
  const guards: Record<Way, GuardOptions> = {
    follow: toFollow,
    'with Redis': { ...toFollow, redis: redis.url },
    'Redis alone': { ...trusting({ url }), redis: redis.url },
    records: { ...toFollow, redis: redis.url, view: false },
    ask: { ...trusting({ url }), introspection },
  };
  child = fork(join(__dirname, '../support/suspended-service.mjs'), [JSON.stringify(guards)]);
  [port] = await once(child, 'message');
});
afterAll(async () => {
  child.kill('SIGKILL');
  await Promise.all([redis.close(), auth.close()]);
});

/** What each guard says about a token, and whether its view is current. */
async function ask({ accessToken }: Pick<Tokens, 'accessToken'>) {
  const headers = { authorization: `Bearer ${accessToken}`, connection: 'close' };
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
  return (await response.json()) as Record<Way, { answer: string; view: string }>;
}
const answers = async (tokens: Pick<Tokens, 'accessToken'>) =>
  Object.entries(await ask(tokens)).map(([way, { answer }]) => `${way}: ${answer}`);
const allSay = (answer: string) => WAYS.map((way) => `${way}: ${answer}`);

// A node soon grants nothing to a service that logouts waited for. So only the first two pauses interrupt a view that follows.
const BY_REDIS: readonly Way[] = ['with Redis', 'Redis alone'];
const BY_ALL: readonly Way[] = ['follow', ...BY_REDIS];

test.each<[string, () => readonly Pick<Proxy, 'forget'>[], readonly Way[]]>([
  ['nothing', () => [], BY_ALL],
  ['all its connections', () => [redis, auth], BY_ALL],
  ['its connections to Redis', () => [redis], BY_REDIS],
  ['its connections to the auth server', () => [auth], BY_REDIS],
])(
  'after a pause in which the network forgot %s, the first request is answered',
  async (_what, wires, views) => {
    const [stays, goes] = [await node.api.newUser(), await node.api.newUser()];
    // A new user has no record yet, so that there is a connection to the auth server in each pool.
    for (const tokens of [stays, goes])
      await eventually(async () => {
        const said = await ask(tokens);
        expect(Object.values(said).map(({ answer }) => answer)).toEqual(WAYS.map(() => 'GOOD'));
        expect(views.map((way) => said[way].view)).toEqual(views.map(() => 'current'));
      });
    child.kill('SIGSTOP');
    for (const wire of wires()) wire.forget();
    // Waits until the leases of the process have ended.
    expect((await node.api.end('logout', goes.accessToken)).confirmed).toBe(true);
    child.kill('SIGCONT');
    const [first, refused] = await Promise.all([answers(stays), answers(goes)]);
    expect(first).toEqual(allSay('GOOD'));
    expect(refused).toEqual(allSay('TOKEN_REVOKED'));
  },
);
