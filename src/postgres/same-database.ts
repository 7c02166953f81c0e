import type { EntityManager } from 'typeorm';
import { serviceUnavailable } from '../core/errors';
import { run } from './tables';
import { FLEET_MISSING } from './fleet';

/** Makes the error for a node that finds another database in the place of its own. */
export const anotherDatabase = () =>
  serviceUnavailable(new Error('DATABASE_URL points to another database than when this process started'));

/**
 * Reads the id of the database. A backup may be restored under a running node, or `DATABASE_URL` may point elsewhere
 * after a failover; then nothing read here may be mixed with what was read before.
 *
 * @param expected the id at the start of the process; left out if the process has read nothing before
 * @throws `SERVICE_UNAVAILABLE` if the id is another one
 */
export async function readDatabaseId(manager: EntityManager, expected: string | undefined): Promise<string> {
  const [row] = await run<{ database_id: string }[]>(manager, 'select database_id from {fleet}');
  if (!row) throw new Error(FLEET_MISSING);
  if (expected !== undefined && row.database_id !== expected) throw anotherDatabase();
  return row.database_id;
}
