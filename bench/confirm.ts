import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Connection, graphqlRequest, openConnection } from './support/connection';
import { type Node, startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, milliseconds, note, runBench } from './support/report';
import { LEASE } from './support/settings';
import { median, quantile, timed } from './support/statistics';
import { withStores } from './support/stores';

/** The number of rounds. Each measures every kind of logout once. */
const TIMES = 300;
const WARM_UP = 40;

/** The number of pauses of a node, and the time in ms for which the others keep logging out. */
const PAUSES = 3;
const PAUSED_FOR = 3 * LEASE;

/** A logout that took longer waited for the end of a lease. */
const SLOW = LEASE / 2;

const FIFTEEN_MINUTES = 15 * 60;

interface Place {
  readonly url: string;
  readonly connection: Connection;
}

const placeOf = async ({ url }: Node): Promise<Place> => ({ url, connection: await openConnection(url) });

/** Logs out and returns the time to the confirmed receipt, in ms. */
async function logout({ url, connection }: Place, token: string): Promise<number> {
  const request = graphqlRequest(url, 'mutation { logout { confirmed } }', token);
  return timed(async () => {
    const { body } = await connection.send(request);
    if (!body.includes('"confirmed":true')) throw new Error(`Not confirmed: ${body}`);
  });
}

/** Returns each token once. */
function eachOnce(tokens: readonly string[]): () => string {
  const left = [...tokens];
  return () => {
    const token = left.pop();
    if (token === undefined) throw new Error('More tokens have to be prepared.');
    return token;
  };
}

async function nextTokens(databaseUrl: string, count: number, age = 0): Promise<() => string> {
  return eachOnce(await signTokens(databaseUrl, await makePeople(databaseUrl, count), age));
}

/**
 * Without faults. The cost of the confirmation is the difference to a server without Redis, where a commit is a
 * confirmation. Both get an expired token, which still names its session and is looked up in no store: a good token
 * would cost the server without Redis one more query of Postgres.
 */
async function measureSound(
  fleet: { nodes: readonly Place[]; databaseUrl: string },
  alone: { node: Place; databaseUrl: string },
  bare: Client,
): Promise<Figure[]> {
  const count = TIMES + WARM_UP;
  const good = await nextTokens(fleet.databaseUrl, count);
  const expired = await nextTokens(fleet.databaseUrl, count, 2 * FIFTEEN_MINUTES);
  const expiredAlone = await nextTokens(alone.databaseUrl, count, 2 * FIFTEEN_MINUTES);
  const samples = {
    good: [] as number[],
    expired: [] as number[],
    alone: [] as number[],
    bare: [] as number[],
  };
  for (let i = -WARM_UP; i < TIMES; i++) {
    const node = fleet.nodes[Math.abs(i) % fleet.nodes.length] as Place;
    const once = {
      good: await logout(node, good()),
      bare: await timed(() => bare.query('insert into commits default values')),
      expired: await logout(node, expired()),
      alone: await logout(alone.node, expiredAlone()),
    };
    if (i < 0) continue;
    for (const name of ['good', 'expired', 'alone', 'bare'] as const) samples[name].push(once[name]);
  }
  const both = (kind: number[]) =>
    `${milliseconds(median(kind))}, 99 % ${milliseconds(quantile(kind, 0.99))}`;
  const added = median(samples.expired) - median(samples.alone);
  return [
    { name: 'a bare commit in Postgres', measured: both(samples.bare) },
    { name: 'a logout on three nodes, confirmed', measured: both(samples.good) },
    { name: 'the same with an expired token', measured: both(samples.expired) },
    { name: 'the same on Postgres alone', measured: both(samples.alone) },
    { name: 'what the confirmation adds', measured: milliseconds(added), aim: aim('< 5 ms', added < 5) },
  ];
}

/** One of three nodes is paused. Until it is removed, the others wait for the end of its lease. */
async function measurePaused(nodes: readonly Node[], databaseUrl: string): Promise<Figure[]> {
  const [paused, ...others] = nodes as [Node, ...Node[]];
  const longest: number[] = [];
  const slow: number[] = [];
  const afterwards: number[] = [];
  let total = 0;
  for (let pause = 0; pause < PAUSES; pause++) {
    const next = await nextTokens(databaseUrl, 1000);
    const places = await Promise.all(others.map(placeOf));
    paused.pause();
    const startedAt = performance.now();
    const took: number[] = [];
    await Promise.all(
      places.map(async (place) => {
        while (performance.now() - startedAt < PAUSED_FOR) {
          took.push(await logout(place, next()));
          await sleep(20);
        }
        place.connection.close();
      }),
    );
    paused.resume();
    total += took.length;
    longest.push(Math.max(...took));
    slow.push(took.filter((ms) => ms > SLOW).length);
    afterwards.push(...took.filter((ms) => ms <= SLOW));
    // It registers again with its next heartbeat.
    await sleep(2 * LEASE);
  }
  const max = Math.max(...longest);
  return [
    {
      name: 'one node paused: the longest',
      measured: milliseconds(max),
      aim: aim(`< ${milliseconds(LEASE + 500)}, a lease and half a second`, max < LEASE + 500),
    },
    {
      name: 'one node paused: how many were slow',
      measured: `${slow.join(', ')} in ${PAUSES} pauses, of ${total}`,
      aim: aim(
        'the first at each other node',
        slow.every((count) => count <= others.length),
      ),
    },
    { name: 'one node paused: the rest, median', measured: milliseconds(median(afterwards)) },
  ];
}

runBench('confirm: the time to a confirmed receipt', () =>
  withStores(async (stores) => {
    const databaseUrl = await stores.database('fleet');
    const aloneUrl = await stores.database('alone');
    const env = { DATABASE_URL: databaseUrl, REDIS_URL: stores.redisUrl };
    const nodes = [await startNode(env), await startNode(env), await startNode(env)];
    const alone = await startNode({ DATABASE_URL: aloneUrl });
    const bare = new Client({ connectionString: aloneUrl });
    await bare.connect();
    await bare.query('create table commits (id bigint generated always as identity)');
    // For W after the start nothing is confirmed fast: an earlier epoch may still have views.
    await sleep(2 * LEASE);

    note('without faults …');
    const places = await Promise.all(nodes.map(placeOf));
    const node = await placeOf(alone);
    const sound = await measureSound({ nodes: places, databaseUrl }, { node, databaseUrl: aloneUrl }, bare);
    for (const { connection } of [...places, node]) connection.close();
    note('with one node paused …');
    const paused = await measurePaused(nodes, databaseUrl);

    await bare.end();
    await Promise.all([...nodes, alone].map((each) => each.stop()));
    return [...sound, ...paused];
  }),
);
