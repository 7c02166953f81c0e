import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/postgres/data-source';
import type { World } from './world';

/** Connects to the database of a world for the tests of this file or block. Returns the function that gives the source. */
export function sharedDataSource(world: World, poolSize: number): () => DataSource {
  let dataSource: DataSource;
  beforeAll(async () => {
    const options = { statementTimeout: 5000, poolSize };
    dataSource = await createDataSource({ url: world.databaseUrl }, options).initialize();
  });
  afterAll(() => dataSource.destroy());
  return () => dataSource;
}
