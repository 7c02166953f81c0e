import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectRedis } from '../../src/redis/client';
import { keysOf } from '../../src/redis/keys';
import { eventually } from '../support/eventually';
import { startRedisCluster } from '../support/redis-cluster';
import type { Member } from '../support/redis-member';
import { startSentinelSet } from '../support/redis-sentinels';

const { epoch } = keysOf('0190a000-0000-7000-8000-000000000000');

/** Makes the documented user of the server, without the right to any `CLIENT`. */
function makeUser(member: Member): Promise<unknown> {
  const page = readFileSync(join(__dirname, '../../docs/redis.md'), 'utf8');
  const [, rights = ''] = /^user tokenfence on >\S+ (.*)$/m.exec(page) ?? [];
  const least = rights.split(' ').filter((right) => !right.startsWith('+client'));
  return member.ask((client) => client.call('ACL', 'SETUSER', 'least', 'on', '>pw', ...least));
}

/** Writes to the primary to which a URL leads. */
async function writeBy(url: string): Promise<void> {
  const connection = connectRedis(url, { failed: () => undefined }, epoch);
  try {
    await eventually(() => connection.run((client) => client.hset(epoch, 'id', 1)));
  } finally {
    connection.close();
  }
}

test('in a cluster, the documented user finds the primary without CLUSTER and CLIENT', async () => {
  const cluster = await startRedisCluster({ primaries: 2, replicas: 0 });
  try {
    for (const member of cluster.members) await makeUser(member);
    for (const { port } of cluster.members) await writeBy(`redis-cluster://least:pw@127.0.0.1:${port}`);
  } finally {
    await cluster.dispose();
  }
});

test('sentinels have to let the documented user ask for the primary, and nothing else', async () => {
  const set = await startSentinelSet({ replicas: 0, sentinels: 1 });
  try {
    for (const member of set.members) await makeUser(member);
    for (const sentinel of set.sentinels)
      await sentinel.ask((client) =>
        client.call(
          ...(['ACL', 'SETUSER', 'asker', 'on', '>pw', 'resetchannels', '-@all'] as const),
          '+sentinel|get-master-addr-by-name',
        ),
      );
    const url = set.url.replace('://', '://least:pw@');
    await writeBy(`${url}?sentinelUsername=asker&sentinelPassword=pw`);
  } finally {
    await set.dispose();
  }
});
