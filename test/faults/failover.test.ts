import { Redis } from 'ioredis';
import { eventually } from '../support/eventually';
import { untilViewIsCurrent } from '../support/probes';
import { startProxy } from '../support/proxy';
import { startRedis } from '../support/servers';
import { createWorld } from '../support/world';

/** The ids of the connections of nodes to a Redis whose last command matches. */
async function connectionsOf(client: Redis, command: RegExp): Promise<string[]> {
  const list = (await client.client('LIST')) as string;
  const lines = list.split('\n').filter((line) => line.includes('name=tokenfence'));
  return lines.filter((line) => command.test(line)).map((line) => /id=(\d+)/.exec(line)?.[1] ?? '');
}

test('after a failover that only the writing connection noticed, the reading connections follow', async () => {
  const [before, after] = await Promise.all([startRedis(), startRedis()]);
  const proxy = await startProxy(before.url);
  const world = await createWorld({ redis: before.url });
  const client = new Redis(before.url);
  try {
    const node = await world.node({ REDIS_URL: proxy.url });
    await untilViewIsCurrent(node);
    const gone = await node.api.register('gone@example.com');
    expect((await node.api.end('logout', gone.accessToken)).confirmed).toBe(true);

    // New connections reach the new server. The reading connections stay with the old one, which still runs.
    proxy.restore(after.url);
    for (const id of await connectionsOf(client, /cmd=eval(sha)? /)) await client.client('KILL', 'ID', id);
    await eventually(async () => expect(await connectionsOf(client, /./)).toEqual([]));
    await untilViewIsCurrent(node);
    expect((await node.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
  } finally {
    client.disconnect();
    await world.close();
    await proxy.close();
    await Promise.all([before.dispose(), after.dispose()]);
  }
});
