import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually';
import { withPostgres } from './postgres';
import { startPostgres, type TestServer } from './servers';

/** A primary whose commits wait for its standby. */
export interface PostgresPair {
  readonly primary: TestServer;
  readonly standby: TestServer;
  /** Makes the standby the primary of a timeline of its own. The old primary is left as it is. */
  promote(): Promise<void>;
  /** Suspends every process of the old primary. Answers a function that lets them go on. */
  freeze(): Promise<() => void>;
  dispose(): Promise<void>;
}

/** Returns the processes of a server, the postmaster first. */
async function processesOf({ url }: TestServer): Promise<number[]> {
  const folder = await withPostgres(url, async (client) => {
    const { rows } = await client.query<{ folder: string }>('show data_directory');
    return (rows[0] as unknown as { data_directory: string }).data_directory;
  });
  const [first = ''] = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
  const children = readFileSync(`/proc/${first}/task/${first}/children`, 'utf8').trim().split(' ');
  return [first, ...children].map(Number);
}

function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // The connection has ended meanwhile, and its process.
  }
}

/** Starts both. Not in Docker. */
export async function startPostgresPair(): Promise<PostgresPair> {
  const primary = await startPostgres();
  const standby = await startPostgres({ follows: primary.url });
  await withPostgres(primary.url, async (client) => {
    await eventually(async () => {
      const { rows } = await client.query(`select from pg_stat_replication where state = 'streaming'`);
      if (rows.length === 0) throw new Error('The standby does not follow.');
    });
    // Set after the copy, so that the standby lacks it.
    await client.query(`alter system set synchronous_standby_names = '*'`);
    await client.query('select pg_reload_conf()');
    await eventually(async () => {
      const { rows } = await client.query(`select from pg_stat_replication where sync_state = 'sync'`);
      if (rows.length === 0) throw new Error('The standby is not synchronous.');
    });
  });
  return {
    primary,
    standby,
    promote: () =>
      withPostgres(standby.url, async (client) => {
        await client.query('select pg_promote()');
      }),
    async freeze() {
      const pids = await processesOf(primary);
      for (const pid of pids) signal(pid, 'SIGSTOP');
      return () => {
        for (const pid of pids) signal(pid, 'SIGCONT');
      };
    },
    async dispose() {
      await standby.dispose();
      await primary.dispose();
    },
  };
}
