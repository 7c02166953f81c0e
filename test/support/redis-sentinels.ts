import { eventually } from './eventually';
import { HOST, type Member, type MemberOptions, startMember } from './redis-member';
import { freePort } from './servers';

export interface SentinelOptions extends MemberOptions {
  /** 2 by default. */
  readonly replicas?: number;
  /** 3 by default. */
  readonly sentinels?: number;
  /** How many sentinels must agree that the primary is down. Default: the majority. */
  readonly quorum?: number;
  /** ms of silence after which a sentinel takes a server for down. Default: 1000. */
  readonly downAfter?: number;
  /** ms; see `failover-timeout`. Default: 3000. */
  readonly failoverTimeout?: number;
  /**
   * Lets sentinels look at the servers every second instead of every ten, and repair their roles four times as early. An
   * old primary is a replica again 2 to 3 s after its return instead of 8 to 18 s.
   */
  readonly attentive?: boolean;
  /**
   * The user, as `name:password`, by whom replicas and sentinels come to the servers. Without it they come as
   * `default`, as the clients.
   */
  readonly peers?: string;
  /** The password that the sentinels themselves ask for. */
  readonly sentinelPassword?: string;
}

/** A primary, its replicas, and the sentinels that watch them. */
export interface SentinelSet {
  /** The servers with data: first the one that began as the primary. */
  readonly members: readonly Member[];
  readonly sentinels: readonly Member[];
  /** The name under which the sentinels know the primary. */
  readonly name: string;
  /** `redis-sentinel://`, or `rediss-sentinel://`, with every sentinel, and without a user. */
  readonly url: string;
  /** The primary that the sentinels name and that says it is one. Tries until there is one. */
  primary(): Promise<Member>;
  /** Asks a sentinel for a failover now. */
  failover(): Promise<void>;
  /** The port of the server that a sentinel names as the primary. */
  named(sentinel: Member): Promise<number>;
  /** Resolves when the sentinels agree on a primary that answers, and every replica that answers follows it. */
  whenWell(): Promise<void>;
  dispose(): Promise<void>;
}

const NAME = 'main';

const isPrimary = (member: Member) =>
  member.ask(async (client) => (await client.role())[0] === 'master').catch(() => false);

const authOf = (peers: string) => {
  const [user, secret] = peers.split(':');
  return [`sentinel auth-user ${NAME} ${user}`, `sentinel auth-pass ${NAME} ${secret}`];
};

/** Lines of a server whose replicas and sentinels have a user of their own. */
const forPeers = (peers: string): string[] => {
  const [user, secret] = peers.split(':');
  return [`user ${user} on >${secret} ~* &* +@all`, `masteruser ${user}`, `masterauth ${secret}`];
};

const sentinelLines = (primary: Member, options: SentinelOptions): string[] => {
  const { sentinels = 3, quorum = Math.floor(sentinels / 2) + 1, password, peers } = options;
  const { downAfter = 1000, failoverTimeout = 3000 } = options;
  return [
    `sentinel monitor ${NAME} ${HOST} ${primary.port} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} ${downAfter}`,
    `sentinel failover-timeout ${NAME} ${failoverTimeout}`,
    // All replicas follow the new primary at once.
    `sentinel parallel-syncs ${NAME} 9`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${password}`]),
    ...(peers === undefined ? [] : authOf(peers)),
  ];
};

/** The defaults of Redis are 10,000 and 2,000 ms. Only a sentinel that runs can be told. */
const heed = (sentinel: Member) =>
  sentinel.ask((client) => client.call('SENTINEL', 'DEBUG', 'info-period', 1000, 'publish-period', 500));

/** A sentinel that is told again at each start. */
async function attentive(sentinel: Member): Promise<Member> {
  await heed(sentinel);
  return {
    ...sentinel,
    async start() {
      await sentinel.start();
      await heed(sentinel);
    },
  };
}

/** Starts one primary and two replicas, and three sentinels, unless told otherwise. It takes about four seconds. */
export async function startSentinelSet(options: SentinelOptions = {}): Promise<SentinelSet> {
  const { replicas = 2, sentinels: count = 3, sentinelPassword, tls, peers } = options;
  const own = peers === undefined ? [] : forPeers(peers);
  const first = await startMember(await freePort(), options, own);
  const others = await Promise.all(
    Array.from({ length: replicas }, async () =>
      startMember(await freePort(), options, [...own, `replicaof ${HOST} ${first.port}`]),
    ),
  );
  const members = [first, ...others];
  const ofSentinels: MemberOptions = { tls, password: sentinelPassword };
  const sentinels = await Promise.all(
    Array.from({ length: count }, async () => {
      const sentinel = await startMember(await freePort(), ofSentinels, sentinelLines(first, options), true);
      return options.attentive ? attentive(sentinel) : sentinel;
    }),
  );

  /** The port that a sentinel takes for that of the primary. */
  const named = async (sentinel: Member) => {
    const [, port] = await sentinel.ask(
      (client) => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME) as Promise<[string, string]>,
    );
    return Number(port);
  };

  const set: Omit<SentinelSet, 'whenWell'> = {
    members,
    sentinels,
    name: NAME,
    named,
    url: `redis${tls ? 's' : ''}-sentinel://${sentinels.map(({ port }) => `${HOST}:${port}`).join(',')}/${NAME}`,
    primary: () =>
      eventually(async () => {
        for (const sentinel of sentinels) {
          const port = await named(sentinel).catch(() => undefined);
          const member = members.find((each) => each.port === port);
          if (member && (await isPrimary(member))) return member;
        }
        throw new Error('No sentinel names a primary that is one.');
      }),
    failover: () =>
      eventually(async () => {
        await Promise.any(
          sentinels.map((sentinel) => sentinel.ask((client) => client.call('SENTINEL', 'FAILOVER', NAME))),
        );
      }),
    async dispose() {
      await Promise.all([...sentinels, ...members].map((member) => member.dispose()));
    },
  };

  const whenWell = () =>
    eventually(async () => {
      const ports = new Set(await Promise.all(sentinels.map(named)));
      const [port] = ports;
      if (ports.size !== 1) throw new Error(`The sentinels name ${[...ports].join(' and ')}.`);
      for (const sentinel of sentinels) {
        const info = await sentinel.ask((client) => client.info('sentinel'));
        if (!info.includes(`status=ok,address=${HOST}:${port},slaves=${replicas},sentinels=${count}`))
          throw new Error(`${sentinel.url}: ${info}`);
      }
      await Promise.all(
        members.map((member) =>
          member.ask(async (client) => {
            const role = await client.role();
            const isRight =
              member.port === port ? role[0] === 'master' : role[0] === 'slave' && role[3] === 'connected';
            if (!isRight) throw new Error(`${member.url}: ${JSON.stringify(role)}`);
          }),
        ),
      );
    });

  await whenWell();
  return { ...set, whenWell };
}
