import type { EntityManager } from 'typeorm';
import { StartError } from '../core/start-error';
import { codeOf } from './faults';
import { LEDGER, quote, run, schemaOf } from './tables';

/** What the statements of a node and of the commands do with each table. Only a migration does more. */
export const GRANTS: Readonly<Record<string, readonly string[]>> = {
  users: ['select', 'insert', 'update', 'delete'],
  sessions: ['select', 'insert', 'update', 'delete'],
  refresh_keys: ['select', 'insert', 'update'],
  signing_keys: ['select', 'insert', 'update', 'delete'],
  revocations: ['select', 'insert', 'update', 'delete'],
  // Deleting what is old locks it first.
  audit_events: ['select', 'insert', 'update', 'delete'],
  mails: ['select', 'insert', 'update', 'delete'],
  fleet: ['select', 'update'],
  [LEDGER]: ['select'],
};

/** SQLSTATE undefined_object. */
const UNDEFINED_OBJECT = '42704';

/** Grants a role what a node needs, and no more. Run it as the owner of the tables. */
export async function grantTo(role: string, manager: EntityManager): Promise<void> {
  try {
    await manager.query(`grant usage on schema ${quote(schemaOf(manager.dataSource))} to ${quote(role)}`);
    for (const [table, rights] of Object.entries(GRANTS))
      await run(manager, `grant ${rights.join(', ')} on {${table}} to ${quote(role)}`);
  } catch (error) {
    if (codeOf(error) !== UNDEFINED_OBJECT) throw error;
    throw new StartError(
      `Nothing was changed: there is no role ${quote(role)}. Create it first: create role ${quote(role)} login`,
    );
  }
}
