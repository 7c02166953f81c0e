import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type GraphQLFormattedError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** What the log and the metrics tell of a request. Filled in while it is served. */
export interface Outcome {
  /** The fields of the schema that it asks for at the top, each once. Left out while the request is not valid. */
  fields?: readonly string[];
  /** The code of its first error. */
  code?: string;
  /** The user that its token names, if the token is good. */
  userId?: string;
}

/** Names that are told; an operation that asks for everything has as many as the schema. */
const MOST_FIELDS = 10;

/** The fields of a selection, each fragment read once: fragments in fragments would double the work with each level. */
function fieldsOf({ selectionSet }: OperationDefinitionNode, document: DocumentNode): string[] {
  const fields = new Set<string>();
  const seen = new Set<string>();
  const add = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (fields.size >= MOST_FIELDS) return;
      // Not the alias: that is the client's text.
      if (selection.kind === Kind.FIELD) fields.add(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) add(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        const { value } = selection.name;
        seen.add(value);
        const fragment = document.definitions.find(
          (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === value,
        );
        if (fragment?.kind === Kind.FRAGMENT_DEFINITION) add(fragment.selectionSet);
      }
    }
  };
  add(selectionSet);
  return [...fields];
}

/** @param error the first of an answer, as the client gets it */
export function noteCode(outcome: Outcome, error: GraphQLFormattedError | undefined): void {
  const code = error?.extensions?.code;
  if (typeof code === 'string') outcome.code = code;
}

/** Notes the outcome of each operation in its context. */
export const outcomePlugin: ApolloServerPlugin<{ readonly outcome: Outcome }> = {
  requestDidStart: () =>
    Promise.resolve({
      // After validation, so every name is one of the schema's.
      didResolveOperation({ operation, document, contextValue: { outcome } }) {
        outcome.fields = operation ? fieldsOf(operation, document) : [];
        return Promise.resolve();
      },

      willSendResponse({ response: { body }, contextValue: { outcome } }) {
        const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
        noteCode(outcome, errors?.[0]);
        return Promise.resolve();
      },
    }),
};
