import { printSchema } from 'graphql';
import type { Actions } from '../actions/actions';
import { createSchema } from './schema';

/** The schema as the committed `schema.graphql` holds it; no use case is needed to print it. */
export const schemaText = () => `${printSchema(createSchema({} as Actions))}\n`;

if (require.main === module) process.stdout.write(schemaText());
