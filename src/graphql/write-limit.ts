import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { Actions } from '../actions/actions';
import type { Context } from './context';

/** Mutations that need no sign-in. Their use cases count by account, token or address. */
const COUNTED_ELSEWHERE = new Set(['register', 'login', 'refresh', 'logout']);

/** Counted with `logout`, apart from other writes, which must not keep a user from ending everything. */
const LOGOUTS = new Set(['logoutEverywhere']);

/** Counts every mutation of a signed-in user, including mutations added later. */
export function limitWrites(schema: GraphQLSchema, actions: Pick<Actions, 'countWrite'>): void {
  for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
    if (COUNTED_ELSEWHERE.has(name)) continue;
    const kind = LOGOUTS.has(name) ? 'logout' : 'write';
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (source, args, context: Context, info) => {
      // Without a valid token the resolver refuses.
      if (context.auth.ok) await actions.countWrite(context.auth.principal, context.client, kind);
      return resolve(source, args, context, info);
    };
  }
}
