import {
  GraphQLID,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  type GraphQLFieldConfig,
} from 'graphql';
import { type AuthContext, requireUser } from '../../../src/guard/apollo';
import { RECENT } from './adapter';

const id = new GraphQLNonNull(GraphQLID);

const fields: Record<string, GraphQLFieldConfig<unknown, AuthContext>> = {
  user: { type: id, resolve: (_root, _args, context) => requireUser(context).userId },
  recent: { type: id, resolve: (_root, _args, context) => requireUser(context, RECENT).userId },
  admin: { type: id, resolve: (_root, _args, context) => requireUser(context, 'ADMIN').userId },
};

/** The schema of the GraphQL services, which check the user with `requireUser`. */
export const schema = new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) });
