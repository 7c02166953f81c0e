import {
  type FrontendMessage,
  type FrontendProxy,
  startFrontendProxy,
  stringsOf,
} from '../support/frontend-proxy';
import { createWorld } from '../support/world';
import { worldMaker } from '../support/world-maker';

const wires: FrontendProxy[] = [];
afterEach(async () => {
  for (const wire of wires.splice(0)) await wire.close();
});
const newWorld = worldMaker(createWorld);

const text = (value: string) => Buffer.from(`${value}\0`, 'latin1');

/** Each batch of messages reaches another connection: what was prepared before is not there. */
function forgetful() {
  let prepared = new Set<string>();
  return (message: FrontendMessage): FrontendMessage[] => {
    const [first = '', name = ''] = stringsOf(message);
    if (message.type === 'S') prepared = new Set();
    if (message.type === 'P') prepared.add(first);
    if (message.type !== 'B' || name === '' || prepared.has(name)) return [message];
    const rest = message.body.subarray(text(first).length + text(name).length);
    return [{ type: 'B', body: Buffer.concat([text(first), text(`missing_${name}`), rest]) }];
  };
}

/** Another client has prepared the same statement on the connection. */
const crowded = () => (message: FrontendMessage) =>
  message.type === 'P' && stringsOf(message)[0] !== '' ? [message, message] : [message];

test.each([
  ['lends another connection for each statement', forgetful],
  ['lends a connection on which others have prepared', crowded],
])('behind a pooler that %s every statement runs, and runs once', async (_what, open) => {
  const world = await newWorld();
  const wire = await startFrontendProxy(world.databaseUrl, open);
  wires.push(wire);
  const node = await world.node({ DATABASE_URL: wire.url, DATABASE_POOL_SIZE: '3' });

  const crowd = await Promise.all(Array.from({ length: 10 }, () => node.api.newUser()));
  const again = await Promise.all(crowd.map(({ user }) => node.api.login(user.email)));
  const refreshed = await Promise.all(again.map((tokens) => node.api.refreshed(tokens)));
  const last = await Promise.all(refreshed.map((tokens) => node.api.refreshed(tokens)));
  const generations = await world.sql('select generation from sessions where id = any($1)', [
    last.map(({ session }) => session.id),
  ]);
  expect(generations).toEqual(last.map(() => ({ generation: 3 })));
  for (const { accessToken } of last)
    expect(await node.api.end('logoutEverywhere', accessToken)).toMatchObject({
      endedSessions: 2,
      confirmed: true,
    });
  for (const { refreshToken } of last)
    expect((await node.api.refresh(refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  const versions = await world.sql('select token_version from users where id = any($1)', [
    crowd.map(({ user }) => user.id),
  ]);
  expect(versions).toEqual(crowd.map(() => ({ token_version: 2 })));
  // Told once.
  expect(node.log.filter((line) => line.includes('keeps no prepared statements'))).toHaveLength(1);
  await world.stop();
});

test('with a connection of its own, a node prepares its statements', async () => {
  const prepared = new Set<string>();
  const world = await newWorld();
  const wire = await startFrontendProxy(world.databaseUrl, () => (message) => {
    if (message.type === 'P') prepared.add(stringsOf(message)[0] ?? '');
    return [message];
  });
  wires.push(wire);
  const node = await world.node({ DATABASE_URL: wire.url });
  await node.api.refreshed(await node.api.newUser());
  // The hash of the text is in the name.
  expect([...prepared].find((name) => /^tokenfence_rotate_[0-9a-f]{16}$/.test(name))).toBeDefined();
  expect(node.log.join('')).not.toContain('keeps no prepared statements');
  await world.stop();
});
