import { printSchema } from 'graphql';
import type { Actions } from '../actions/actions';
import { createSchema } from './schema';

/** Prints the schema as in `schema.graphql`. Needs no use case. */
export const schemaText = () => `${printSchema(createSchema({} as Actions))}\n`;

if (require.main === module) process.stdout.write(schemaText());
