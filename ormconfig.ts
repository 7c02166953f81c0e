import 'reflect-metadata';
import { createDataSource } from './src/postgres/data-source';

const url = process.env.DATABASE_URL;
if (!url) throw new Error('Set DATABASE_URL to the Postgres for the TypeORM command line.');

/** The data source of the TypeORM command line: `npm run typeorm -- migration:show`. */
export default createDataSource(
  { url, schema: process.env.DATABASE_SCHEMA || 'public' },
  { statementTimeout: 0, poolSize: 2 },
);
