import { type ASTNode, type GraphQLError, Kind } from 'graphql';
import { type Caller, originOf } from '../actions/client';
import { TokenfenceError } from '../core/errors';
import type { RecordRefusal } from '../core/ports/refusals';
import { thrownBy } from './errors';

const isForbidden = (error: GraphQLError) => {
  const raw = thrownBy(error);
  return raw instanceof TokenfenceError && raw.code === 'FORBIDDEN';
};

/** Returns the name in the schema, not the alias, which is client text. */
const fieldOf = (node: ASTNode | undefined) => (node?.kind === Kind.FIELD ? node.name.value : undefined);

/** Records each field that the caller was forbidden, once per request. */
export function noteDenials(
  recordRefusal: RecordRefusal,
  errors: readonly GraphQLError[],
  { auth, client }: Pick<Caller, 'auth' | 'client'>,
): void {
  const { userId, sessionId } = auth.ok ? auth.principal : {};
  const fields = errors.filter(isForbidden).map(({ nodes }) => fieldOf(nodes?.[0]));
  for (const field of new Set(fields)) {
    const reason = field === undefined ? undefined : `the field ${field}`;
    const type = 'ACCESS_DENIED';
    recordRefusal({ type, userId, actorId: userId, sessionId, reason, ...originOf(client) });
  }
}
