import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../support/world';
import { createNode, type Nodes } from './fleet';

const noStores = () => {
  throw new Error('The embedded mode has no servers.');
};

/**
 * One node with a Postgres in its own process, and nothing else. To look into its database, `sql` stops it for a moment,
 * so it is for the time after the clients.
 */
export async function createEmbeddedNode(env: Env): Promise<Nodes> {
  const folder = await mkdtemp(join(tmpdir(), 'tokenfence-chaos-'));
  const node = await createNode('node 1', {}, { ...env, DATA_DIR: folder });

  async function read<Row extends object>(text: string): Promise<Row[]> {
    // Only a program that was compiled can load it: it is an ES module.
    const { PGlite } = await import('@electric-sql/pglite');
    const database = await PGlite.create({ dataDir: join(folder, 'postgres') });
    try {
      return (await database.query<Row>(text)).rows;
    } finally {
      await database.close();
    }
  }

  return {
    mode: 'embedded',
    nodes: [node],
    get stores() {
      return noStores();
    },
    async sql(text) {
      await node.end('SIGTERM');
      try {
        return await read(text);
      } finally {
        await node.start();
      }
    },
    dispose: () => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }),
  };
}
