import type { EntityManager } from 'typeorm';
import { serviceUnavailable } from '../core/errors';
import { run } from './tables';

/** What a node says that finds another database where its own was. */
export const anotherDatabase = () =>
  serviceUnavailable(new Error('DATABASE_URL leads to another database than at the start of this process'));

/**
 * Answers the id of the database, read now.
 *
 * A backup may be restored under a node that runs, or `DATABASE_URL` may lead elsewhere after a failover. Then nothing that
 * is read here may be mixed with what was read before.
 *
 * @param expected the id at the start of the process; left out by a process that has read nothing before
 * @throws `SERVICE_UNAVAILABLE` when the id is another one
 */
export async function readDatabaseId(manager: EntityManager, expected: string | undefined): Promise<string> {
  const [row] = await run<{ database_id: string }[]>(manager, 'select database_id from {fleet}');
  if (!row) throw new Error('The fleet row is missing: were the migrations run?');
  if (expected !== undefined && row.database_id !== expected) throw anotherDatabase();
  return row.database_id;
}
