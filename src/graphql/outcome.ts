import type { ApolloServerPlugin } from '@apollo/server';
import { type DocumentNode, type GraphQLFormattedError, Kind, type SelectionSetNode } from 'graphql';

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

function addFields(selections: SelectionSetNode, document: DocumentNode, fields: Set<string>): void {
  for (const selection of selections.selections) {
    if (fields.size >= MOST_FIELDS) return;
    // Not the alias: that is the client's text.
    if (selection.kind === Kind.FIELD) fields.add(selection.name.value);
    else if (selection.kind === Kind.INLINE_FRAGMENT) addFields(selection.selectionSet, document, fields);
    else {
      const { value } = selection.name;
      const fragment = document.definitions.find(
        (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === value,
      );
      if (fragment?.kind === Kind.FRAGMENT_DEFINITION) addFields(fragment.selectionSet, document, fields);
    }
  }
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
        const fields = new Set<string>();
        if (operation) addFields(operation.selectionSet, document, fields);
        outcome.fields = [...fields];
        return Promise.resolve();
      },

      willSendResponse({ response: { body }, contextValue: { outcome } }) {
        const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
        noteCode(outcome, errors?.[0]);
        return Promise.resolve();
      },
    }),
};
