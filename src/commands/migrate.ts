import { grantTo } from '../postgres/grants';
import type { Task } from './admin';

export interface MigrateOptions {
  /** The role of the nodes, if it does not own the tables. */
  readonly grant?: string;
}

/** Runs the migrations as another role than that of the nodes, before they start. */
export const migrating = ({ grant }: MigrateOptions): Task => ({
  words: 'migrate',
  isOfFleet: false,
  isOfServer: true,
  async work(manager) {
    if (grant === undefined) return 'All migrations have run.';
    await grantTo(grant, manager);
    return `All migrations have run. The role ${grant} may do what a node needs, and cannot change the tables.`;
  },
});
