import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBalancer } from '../support/balancer';
import { eventually } from '../support/eventually';
import { startNodeProcess } from '../support/node-process';
import { freePort } from '../support/servers';
import { createWorld, type TestNode, type World } from '../support/world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const BODY = '{"query":"{ __typename }"}';
const HEAD = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n`;

/** A connection and the text received on it. */
async function open({ url }: { url: string }) {
  const { hostname, port } = new URL(url);
  const connection = connect(Number(port), hostname);
  let text = '';
  connection.on('data', (data) => (text += data.toString()));
  connection.on('error', () => undefined);
  const closed = new Promise((resolve) => connection.once('close', resolve));
  await new Promise((resolve) => connection.once('connect', resolve));
  return { write: (bytes: string) => connection.write(bytes), text: () => text, closed };
}

test('restarting two nodes in turn behind a proxy loses no request', async () => {
  const ports = [await freePort(), await freePort()];
  const startOn = (port: number) => world.node({ PORT: String(port) });
  const nodes: TestNode[] = await Promise.all(ports.map(startOn));
  const balancer = await startBalancer(nodes.map(({ url }) => url));
  try {
    await eventually(() => expect(balancer.ready).toHaveLength(2));
    const { accessToken } = await nodes[0]!.api.register('rolling@example.com');
    const answers = new Map<string, number>();
    let isOver = false;
    const ask = async () => {
      while (!isOver) {
        const answer = await fetch(`${balancer.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
          body: '{"query":"{ me { email } }"}',
        }).then(
          async (response) => `${response.status} ${await response.text()}`,
          (error: unknown) => String(error),
        );
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
        // A pause leaves the processor to the starting nodes.
        await sleep(5);
      }
    };
    const load = Array.from({ length: 8 }, ask);
    const count = () => [...answers.values()].reduce((sum, each) => sum + each, 0);
    const waitForAnswers = async (more: number) => {
      const enough = count() + more;
      await eventually(() => expect(count()).toBeGreaterThan(enough));
    };
    for (const [index, port] of ports.entries()) {
      await waitForAnswers(100);
      nodes[index]!.announceStop();
      await eventually(() => expect(balancer.ready).toHaveLength(1));
      await waitForAnswers(50);
      await nodes[index]!.close();
      nodes[index] = await startOn(port);
      await eventually(() => expect(balancer.ready).toHaveLength(2));
    }
    await waitForAnswers(100);
    isOver = true;
    await Promise.all(load);
    expect([...answers.keys()]).toEqual(['200 {"data":{"me":{"email":"rolling@example.com"}}}\n']);
  } finally {
    await balancer.close();
  }
});

test('a node with an announced stop still serves and keeps its connections open', async () => {
  const node = await world.node();
  node.announceStop();
  const ready = await fetch(`${node.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ status: 'unready', reasons: ['the node is stopping'] });
  const connection = await open(node);
  for (const answers of [1, 2]) {
    connection.write(HEAD + BODY);
    await eventually(() =>
      expect(connection.text().split('{"data":{"__typename":"Query"}}')).toHaveLength(answers + 1),
    );
  }
  expect(connection.text()).not.toContain('connection: close');
});

test('a connection that is idle at the close gets an answer to its next request', async () => {
  const node = await world.node();
  const idle = await open(node);
  idle.write(HEAD + BODY);
  await eventually(() => expect(idle.text()).toContain('{"data":{"__typename":"Query"}}'));
  const closed = node.close();
  // When a connection is refused, the listening socket is closed.
  await eventually(() => expect(fetch(node.url)).rejects.toThrow());
  idle.write(HEAD + BODY);
  await Promise.all([idle.closed, closed]);
  expect(idle.text().split('HTTP/1.1 200 OK')).toHaveLength(3);
  expect(idle.text().split('connection: close')).toHaveLength(2);
});

test('a closing node answers requests on open connections and does not wait for silent ones', async () => {
  const node = await world.node();
  const [half, late, silent] = [await open(node), await open(node), await open(node)];
  half.write(HEAD + BODY.slice(0, 5));
  // The same event loop has answered, so the node has read the half request too.
  await fetch(`${node.url}/healthz`);
  const closed = node.close();
  late.write(HEAD + BODY);
  await late.closed;
  half.write(BODY.slice(5));
  await Promise.all([half.closed, silent.closed, closed]);
  for (const connection of [half, late]) {
    expect(connection.text()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(connection.text()).toContain('\r\nconnection: close\r\n');
    expect(connection.text()).toContain('{"data":{"__typename":"Query"}}');
  }
  expect(silent.text()).toBe('');
});

const startWithDelay = () =>
  startNodeProcess({
    DATABASE_URL: world.databaseUrl,
    REDIS_URL: world.redisUrl,
    SHUTDOWN_DELAY: '5m',
  });

test('after SIGTERM the node serves for SHUTDOWN_DELAY, and a second signal ends it', async () => {
  const node = await startWithDelay();
  node.signal('SIGTERM');
  await eventually(async () => expect((await fetch(`${node.url}/readyz`)).status).toBe(503));
  expect((await node.api.send('{ __typename }')).status).toBe(200);
  node.signal('SIGTERM');
  expect(await node.ended).toBe(0);
});

test('SIGINT stops the node without SHUTDOWN_DELAY', async () => {
  const node = await startWithDelay();
  node.signal('SIGINT');
  expect(await node.ended).toBe(0);
});
