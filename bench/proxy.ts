import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, getRequest, graphqlRequest, openConnection } from './support/connection';
import { startNginx, startPlainService } from './support/nginx';
import { type Node, startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, milliseconds, note, runBench, times } from './support/report';
import { LEASE, SETTINGS } from './support/settings';
import { median, quantile, ratio, timed } from './support/statistics';
import { type Stores, withStores } from './support/stores';

/** The number of logouts in each fleet, one after the other. */
const TIMES = 300;
const WARM_UP = 40;

/** Two nodes on a database of their own. */
interface Fleet {
  readonly nodes: readonly Node[];
  readonly tokens: readonly string[];
  /** Opened last: a server closes a connection that sends nothing. */
  connections: readonly Connection[];
}

async function startFleet(stores: Stores, name: string): Promise<Fleet> {
  const env = { DATABASE_URL: await stores.database(name), REDIS_URL: stores.redisUrl };
  const nodes = [await startNode(env), await startNode(env)];
  const people = await makePeople(env.DATABASE_URL, TIMES + WARM_UP);
  return {
    nodes,
    tokens: await signTokens(env.DATABASE_URL, people),
    connections: [],
  };
}

const urlOf = ({ nodes }: Fleet, index: number) => (nodes[Math.abs(index) % 2] as Node).url;
const connectionOf = ({ connections }: Fleet, index: number) =>
  connections[Math.abs(index) % 2] as Connection;

/** Logs out at one of the nodes, and returns when the receipt says that it is confirmed. */
async function logout(fleet: Fleet, index: number, token: string): Promise<void> {
  const request = graphqlRequest(urlOf(fleet, index), 'mutation { logout { confirmed } }', token);
  const { body } = await connectionOf(fleet, index).send(request);
  if (!body.includes('"confirmed":true')) throw new Error(`Not confirmed: ${body}`);
}

/** Asks the node that did not log out. */
async function askNode(fleet: Fleet, index: number, token: string): Promise<boolean> {
  const request = graphqlRequest(urlOf(fleet, index + 1), '{ me { id } }', token);
  return (await connectionOf(fleet, index + 1).send(request)).status === 200;
}

interface Way {
  /** Whether a token is accepted. */
  readonly ask: (index: number, token: string) => Promise<boolean>;
  readonly fleet: Fleet;
}

/** What was measured of one way to be asked, in ms, logout by logout. */
interface Samples {
  readonly accepted: number[];
  readonly confirmed: number[];
  readonly refused: number[];
  /** From the beginning of the logout to the refusal. */
  readonly whole: number[];
}

/** Returns the number of tokens that were accepted after their receipt. */
async function measureOnce({ ask, fleet }: Way, index: number, into?: Samples): Promise<number> {
  const token = fleet.tokens[index + WARM_UP] as string;
  let late = 0;
  const accepted = await timed(async () => {
    if (!(await ask(index, token))) throw new Error('A good token was refused.');
  });
  const confirmed = await timed(() => logout(fleet, index + WARM_UP, token));
  const refused = await timed(async () => {
    if (await ask(index, token)) late += 1;
  });
  into?.accepted.push(accepted);
  into?.confirmed.push(confirmed);
  into?.refused.push(refused);
  into?.whole.push(confirmed + refused);
  return late;
}

const noSamples = (): Samples => ({ accepted: [], confirmed: [], refused: [], whole: [] });
const both = (ms: readonly number[]) =>
  `${milliseconds(median(ms))}, 99 % ${milliseconds(quantile(ms, 0.99))}`;

function figuresOf(plain: Samples, proxied: Samples, unchecked: number[], late: number): Figure[] {
  const name = 'with nginx and the guard';
  const compare = (what: keyof Samples) => times(ratio(proxied[what], plain[what]));
  return [
    { name: 'a confirmed logout, nodes alone', measured: both(plain.confirmed) },
    { name: `a confirmed logout, ${name}`, measured: both(proxied.confirmed) },
    { name: 'the ratio of the two', measured: compare('confirmed') },
    { name: 'logout and first refusal, at a node', measured: both(plain.whole) },
    { name: `logout and first refusal, ${name}`, measured: both(proxied.whole) },
    { name: 'the ratio of the two', measured: compare('whole') },
    {
      name: 'tokens accepted after their receipt',
      measured: `${late} of ${proxied.whole.length}`,
      aim: aim('0', late === 0),
    },
    { name: 'a request through nginx, not checked', measured: both(unchecked) },
    { name: 'a request through nginx, checked', measured: both(proxied.accepted) },
    { name: 'the ratio of the two', measured: times(ratio(proxied.accepted, unchecked)) },
  ];
}

runBench('proxy: a logout, and the next request through nginx and tokenfence guard', () =>
  withStores(async (stores) => {
    const alone = await startFleet(stores, 'alone');
    const guarded = await startFleet(stores, 'guarded');
    const guard = await startNode(
      { ISSUER: SETTINGS.ISSUER, SERVER_URL: urlOf(guarded, 0), HOST: '127.0.0.1' },
      'src/main.js guard',
    );
    const service = await startPlainService();
    const nginx = await startNginx(guard.url, service.url);
    // For W after the start nothing is confirmed fast.
    await sleep(2 * LEASE);
    // Two, because nginx closes a connection after 1,000 requests.
    const [through, past] = [await openConnection(nginx.url), await openConnection(nginx.url)];
    for (const fleet of [alone, guarded])
      fleet.connections = await Promise.all(fleet.nodes.map(({ url }) => openConnection(url)));

    const plain: Way = { fleet: alone, ask: (index, token) => askNode(alone, index, token) };
    const proxied: Way = {
      fleet: guarded,
      ask: async (_index, token) => {
        const { status } = await through.send(getRequest(nginx.url, '/', token));
        if (status !== 200 && status !== 401) throw new Error(`nginx answered ${status}.`);
        return status === 200;
      },
    };
    const samples = { plain: noSamples(), proxied: noSamples() };
    const unchecked: number[] = [];
    let late = 0;
    note('logging out in turn …');
    for (let index = -WARM_UP; index < TIMES; index++) {
      const isMeasured = index >= 0;
      await measureOnce(plain, index, isMeasured ? samples.plain : undefined);
      late += await measureOnce(proxied, index, isMeasured ? samples.proxied : undefined);
      const took = await timed(() => past.send(getRequest(nginx.url, '/public/', 'none')));
      if (isMeasured) unchecked.push(took);
    }
    through.close();
    past.close();
    for (const { connections } of [alone, guarded]) for (const each of connections) each.close();
    await Promise.all([nginx.stop(), service.stop(), guard.stop()]);
    await Promise.all([...alone.nodes, ...guarded.nodes].map((node) => node.stop()));
    return figuresOf(samples.plain, samples.proxied, unchecked, late);
  }),
);
