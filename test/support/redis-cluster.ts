import { eventually } from './eventually';
import { HOST, type Member, type MemberOptions, startMember } from './redis-member';
import { freePort } from './servers';

export interface ClusterOptions extends MemberOptions {
  /** Primaries: 3 by default. */
  readonly primaries?: number;
  /** Replicas of each primary: 1 by default. */
  readonly replicas?: number;
  /** ms of silence after which a server counts as failed. Default: 1000. */
  readonly nodeTimeout?: number;
}

export interface ClusterMember extends Member {
  /** Its id in the cluster. */
  readonly id: string;
  /** The port on which the servers of the cluster talk among themselves. */
  readonly bus: number;
}

/** A Redis Cluster of real servers. */
export interface RedisCluster {
  /** First those that began as primaries, then the replicas of the first, of the second, … */
  readonly members: readonly ClusterMember[];
  /** `redis-cluster://`, or `rediss-cluster://`, with every server, and without a user. */
  readonly url: string;
  /** The primary that serves the slot of this key, as the others see it. Tries until there is one that answers. */
  primaryOf(key: string): Promise<ClusterMember>;
  /** The replicas of a primary that are up, as it sees them. */
  replicasOf(primary: ClusterMember): Promise<ClusterMember[]>;
  /** Moves the slot of this key, with all its keys, to another primary. `halfWay` runs when half of them are moved. */
  moveSlot(key: string, to: ClusterMember, halfWay?: () => unknown): Promise<void>;
  /** Resolves when every server that answers says that the cluster is well and knows as many servers. */
  whenWell(): Promise<void>;
  dispose(): Promise<void>;
}

const SLOTS = 16_384;

/** A line of `CLUSTER NODES`. */
interface Line {
  readonly id: string;
  readonly flags: readonly string[];
  readonly primary: string;
  readonly slots: readonly string[];
}

const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const [id = '', , flags = '', primary = '', , , , , ...slots] = line.split(' ');
      return { id, flags: flags.split(','), primary, slots };
    });

const holds = ({ slots }: Line, slot: number) =>
  slots.some((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return first !== undefined && last !== undefined && first <= slot && slot <= last;
  });

/** Whether it is a replica, or a primary that serves something, and nobody takes it for failed. */
const isRight = ({ flags, slots }: Line) =>
  !flags.some((flag) => flag.startsWith('fail')) && (flags.includes('slave') || slots.length > 0);

const seenBy = (member: ClusterMember) =>
  member.ask(async (client) => linesOf((await client.cluster('NODES')) as string));

async function join(members: readonly ClusterMember[], primaries: number): Promise<void> {
  // First on each: a server that has met another one refuses it.
  await Promise.all(
    members.map((member, index) => member.ask((client) => client.cluster('SET-CONFIG-EPOCH', index + 1))),
  );
  await Promise.all(
    members.map((member, index) =>
      member.ask(async (client) => {
        for (const { port, bus } of members.slice(0, index))
          await client.call('CLUSTER', 'MEET', HOST, port, bus);
        if (index >= primaries) return;
        const first = Math.floor((SLOTS * index) / primaries);
        const last = Math.floor((SLOTS * (index + 1)) / primaries) - 1;
        await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      }),
    ),
  );
  const replicas = members.slice(primaries);
  const each = replicas.length / primaries;
  await Promise.all(
    replicas.map((replica, index) =>
      eventually(() =>
        replica.ask((client) =>
          client.cluster('REPLICATE', (members[Math.floor(index / each)] as ClusterMember).id),
        ),
      ),
    ),
  );
}

/** The steps of `redis-cli --cluster reshard`, for one slot. */
async function move(
  key: string,
  members: readonly ClusterMember[],
  from: ClusterMember,
  to: ClusterMember,
  { password }: MemberOptions,
  halfWay?: () => unknown,
): Promise<void> {
  const slot = await from.ask((client) => client.cluster('KEYSLOT', key));
  await to.ask((client) => client.cluster('SETSLOT', slot, 'IMPORTING', from.id));
  await from.ask(async (client) => {
    await client.cluster('SETSLOT', slot, 'MIGRATING', to.id);
    const auth = password === undefined ? [] : ['AUTH', password];
    const migrate = async (keys: readonly string[]) => {
      if (keys.length > 0) await client.call('MIGRATE', HOST, to.port, '', 0, 5000, ...auth, 'KEYS', ...keys);
    };
    const first = await client.cluster('GETKEYSINSLOT', slot, 1000);
    await migrate(first.slice(0, Math.ceil(first.length / 2)));
    await halfWay?.();
    for (;;) {
      const keys = await client.cluster('GETKEYSINSLOT', slot, 1000);
      if (keys.length === 0) break;
      await migrate(keys);
    }
  });
  // The new one first, so that no server is told of one that does not know of it yet.
  for (const member of [to, from, ...members.filter((each) => each !== to && each !== from)])
    await member
      .ask(async (client) => {
        const [role] = await client.role();
        if (role === 'master') await client.cluster('SETSLOT', slot, 'NODE', to.id);
      })
      .catch((error: unknown) => {
        if (member === to || member === from) throw error;
      });
}

/**
 * Starts a Redis Cluster: three primaries with a replica each, unless told otherwise. It takes about four seconds,
 * because a server of a cluster serves nothing in its first two.
 */
export async function startRedisCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { primaries = 3, replicas = 1, nodeTimeout = 1000, tls } = options;
  const size = primaries * (1 + replicas);
  const members: ClusterMember[] = await Promise.all(
    Array.from({ length: size }, async () => {
      // Not the usual port + 10000, which may be that of an outgoing connection.
      const bus = await freePort();
      const member = await startMember(await freePort(), options, [
        'cluster-enabled yes',
        `cluster-port ${bus}`,
        `cluster-node-timeout ${nodeTimeout}`,
        // A set that lost a primary and its replica goes on with the rest.
        'cluster-require-full-coverage no',
        ...(tls ? ['tls-cluster yes'] : []),
      ]);
      const id = await member.ask((client) => client.call('CLUSTER', 'MYID') as Promise<string>);
      return { ...member, id, bus };
    }),
  );
  const byId = (id: string) => members.find((member) => member.id === id);

  const primaryOf: RedisCluster['primaryOf'] = (key) =>
    eventually(async () => {
      for (const member of members) {
        const answer = await member
          .ask(async (client) => ({
            slot: await client.cluster('KEYSLOT', key),
            lines: linesOf((await client.cluster('NODES')) as string),
          }))
          .catch(() => undefined);
        const line = answer?.lines.find((each) => each.flags.includes('master') && holds(each, answer.slot));
        const primary = line && !line.flags.includes('fail') ? byId(line.id) : undefined;
        if (primary && (await isPrimary(primary))) return primary;
      }
      throw new Error(`No primary answers for ${key}.`);
    });
  const isPrimary = (member: ClusterMember) =>
    member.ask(async (client) => (await client.role())[0] === 'master').catch(() => false);

  const whenWell = async () => {
    await eventually(() =>
      Promise.all(
        members.map((member) =>
          member.ask(async (client) => {
            const info = await client.cluster('INFO');
            const nodes = await client.cluster('NODES');
            const right = linesOf(nodes as string).filter(isRight);
            if (!info.includes('cluster_state:ok') || right.length !== members.length)
              throw new Error(`${member.url}: ${info}${nodes as string}`);
            const role = await client.role();
            if (role[0] === 'slave' && role[3] !== 'connected')
              throw new Error(`${member.url} follows nobody.`);
          }),
        ),
      ),
    );
  };

  await join(members, primaries);
  await whenWell();
  return {
    members,
    url: `redis${tls ? 's' : ''}-cluster://${members.map(({ port }) => `${HOST}:${port}`).join(',')}`,
    primaryOf,
    async replicasOf(primary) {
      const lines = await seenBy(primary);
      return lines
        .filter((line) => line.primary === primary.id && !line.flags.includes('fail'))
        .flatMap(({ id }) => byId(id) ?? []);
    },
    moveSlot: async (key, to, halfWay) => {
      const from = await primaryOf(key);
      if (from !== to) await move(key, members, from, to, options, halfWay);
    },
    whenWell,
    async dispose() {
      await Promise.all(members.map((member) => member.dispose()));
    },
  };
}
