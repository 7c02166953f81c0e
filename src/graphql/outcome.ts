import {
  type DocumentNode,
  type GraphQLFormattedError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { fragmentsIn } from './documents';

/** What the log and the metrics say about a request. Filled in while it is served. */
export interface Outcome {
  /** The distinct top-level fields. Undefined until the request is validated. */
  fields?: readonly string[];
  /** The code of the first error. */
  code?: string;
  /** The user of a valid token. */
  userId?: string;
}

const outcomes = new WeakMap<object, Outcome>();

/** Returns the record of a request, which is made when it is first asked for. */
export function outcomeOf(request: object): Outcome {
  const outcome = outcomes.get(request) ?? {};
  outcomes.set(request, outcome);
  return outcome;
}

/** The most field names reported. */
export const MOST_FIELDS = 10;

/** Returns all top-level fields. Reads each fragment once: nested ones would double the work with each level. */
export function topLevelFields({ selectionSet }: OperationDefinitionNode, document: DocumentNode): string[] {
  const fragments = fragmentsIn(document);
  const fields = new Set<string>();
  const seen = new Set<string>();
  const add = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      // Not the alias, which is client text.
      if (selection.kind === Kind.FIELD) fields.add(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) add(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) add(fragment.selectionSet);
      }
    }
  };
  add(selectionSet);
  return [...fields];
}

/** @param error the first error of the response, as the client gets it */
export function noteCode(outcome: Outcome, error: GraphQLFormattedError | undefined): void {
  const code = error?.extensions?.code;
  if (typeof code === 'string') outcome.code = code;
}
