import { eventually } from './eventually';
import type { World } from './world';

/** Sends `second` while the first request holds its locks and commits, and waits until the second one needs them. */
export type WhileCommitting = <First, Second>(
  first: () => Promise<First>,
  second: () => Promise<Second>,
) => Promise<[First, Second]>;

/** @param tables what the first request changes. Its commit waits at these. */
export const holdingCommits = (world: World, tables: readonly string[]): WhileCommitting => {
  const isWaiting = async (event: string) => {
    const rows = await world.sql(
      `select pid from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and wait_event = $1`,
      [event],
    );
    return rows.length > 0;
  };
  const triggers = tables.map(
    (table) =>
      `create constraint trigger wait_here after insert or update on ${table} deferrable initially deferred
       for each row execute function wait_here()`,
  );

  return async (first, second) => {
    await world.sql(`
      create function wait_here() returns trigger language plpgsql as $$
        begin perform pg_advisory_xact_lock_shared(43); return null; end $$;
      ${triggers.join(';')}`);
    const release = await world.hold('select pg_advisory_xact_lock(43)');
    const earlier = first();
    await eventually(async () => expect(await isWaiting('advisory')).toBe(true));
    const later = second();
    await eventually(async () => expect(await isWaiting('transactionid')).toBe(true));
    await release();
    const both = await Promise.all([earlier, later]);
    await world.sql('drop function wait_here cascade');
    return both;
  };
};
