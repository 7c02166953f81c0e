import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind } from './faults';
import type { RedisMode } from './redis-stores';
import { describeReport } from './report';
import { run } from './run';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: `${Math.floor(Math.random() * 1e6)}` },
    /** s */
    duration: { type: 'string', default: '1800' },
    revocations: { type: 'string', default: '10000' },
    /** ms */
    lease: { type: 'string', default: '1000' },
    /** The number of services that follow a node. */
    services: { type: 'string', default: '4' },
    /** One node with an embedded database, instead of three nodes. */
    embedded: { type: 'boolean', default: false },
    /** `single`, `sentinels` or `cluster`. */
    redis: { type: 'string', default: 'single' },
    /** The replicas of each primary of a set. Default: two with sentinels, one in a cluster. */
    replicas: { type: 'string' },
    /** `REDIS_WAIT_REPLICAS`. Default: half of the replicas of a set, rounded up. */
    wait: { type: 'string' },
    /** Sentinels look every ten seconds, as is usual. */
    inattentive: { type: 'boolean', default: false },
    /** More lines of the `redis.conf` of a set, separated by commas. */
    conf: { type: 'string', default: '' },
    /** Kinds of faults, separated by commas; all if left out. */
    faults: { type: 'string' },
  },
});

const say = (text: string) => process.stdout.write(`${text}\n`);

function kindsOf(names: string): FaultKind[] {
  return names.split(',').map((name) => {
    const kind = FAULT_KINDS.find((known) => known === name.trim());
    if (!kind) throw new Error(`Unknown fault "${name}". Known: ${FAULT_KINDS.join(', ')}.`);
    return kind;
  });
}

function redisOf(name: string): RedisMode {
  const mode = (['single', 'sentinels', 'cluster'] as const).find((known) => known === name);
  if (!mode) throw new Error(`Unknown Redis "${name}". Known: single, sentinels, cluster.`);
  return mode;
}

/** Another server is lost with each primary, so a majority is what confirms. */
const REPLICAS = { single: 0, sentinels: 2, cluster: 1 } as const;

async function main(): Promise<void> {
  const { seed, duration, revocations, lease, services, embedded, faults } = values;
  const redis = redisOf(values.redis);
  const replicas = Number(values.replicas ?? REPLICAS[redis]);
  say(`Seed ${seed}.`);
  const report = await run({
    seed,
    duration: Number(duration) * 1000,
    revocations: Number(revocations),
    lease: Number(lease),
    mode: embedded ? 'embedded' : 'servers',
    redis,
    set: {
      replicas,
      settings: values.conf.split(',').filter((line) => line !== ''),
      attentive: !values.inattentive,
    },
    waitReplicas: Number(values.wait ?? Math.ceil(replicas / 2)),
    nodes: embedded ? 1 : 3,
    services: Number(services),
    users: 24,
    actors: 6,
    auditors: 1,
    refreshers: 2,
    faults: faults === undefined ? undefined : kindsOf(faults),
    progress: say,
  });
  say(describeReport(report));
  process.exit(report.violations.length === 0 ? 0 : 1);
}

// The "exit" event ends the nodes and servers.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(2);
});
