import {
  GraphQLID,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  type GraphQLFieldConfig,
} from 'graphql';
import { type AuthContext, requireUser } from '../../../src/guard/apollo';

const id = new GraphQLNonNull(GraphQLID);

const fields: Record<string, GraphQLFieldConfig<unknown, AuthContext>> = {
  user: { type: id, resolve: (_root, _args, context) => requireUser(context).userId },
  admin: { type: id, resolve: (_root, _args, context) => requireUser(context, 'ADMIN').userId },
};

/** What services of GraphQL are asked for, and that say by `requireUser` whom they serve. */
export const schema = new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) });
