import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { Actions } from '../actions/actions';
import type { Context } from './context';

/** Those that anybody may call. Their use cases count by what they are given: an account, a token, an address. */
const COUNTED_ELSEWHERE = new Set(['register', 'login', 'refresh', 'logout']);

/** Counted with `logout`, apart from other writes, so that none of these gets in the way of ending everything. */
const LOGOUTS = new Set(['logoutEverywhere']);

/** Makes every mutation of a signed-in user count, those that are added later as well. */
export function limitWrites(schema: GraphQLSchema, actions: Pick<Actions, 'countWrite'>): void {
  for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
    if (COUNTED_ELSEWHERE.has(name)) continue;
    const kind = LOGOUTS.has(name) ? 'logout' : 'write';
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (source, args, context: Context, info) => {
      // Without a good token the resolver refuses, and writes nothing.
      if (context.auth.ok) await actions.countWrite(context.auth.principal, context.client, kind);
      return resolve(source, args, context, info);
    };
  }
}
