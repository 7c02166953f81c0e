import { createHash } from 'node:crypto';
import type { DocumentStore } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  type Token,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';

/**
 * The most GraphQL tokens of a document. The work of validation grows with their square: this many take about 10 ms at
 * most. The full introspection query has fewer than 200.
 */
export const MOST_TOKENS = 600;

/** The most errors reported for a document, or for its variables. */
export const MOST_ERRORS = 5;

/** The most valid documents cached, and the most tokens of them all. A token takes about 500 bytes. */
export const MOST_DOCUMENTS = 1000;
export const MOST_KEPT_TOKENS = 50_000;

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  /** Disables introspection, and keeps names of the schema out of error messages. */
  readonly production: boolean;
}

/** Reads and caches documents, for HTTP and sockets. */
export interface Documents {
  /** Parses and validates a document. Returns it, or its errors, each with a code. */
  read(query: string): DocumentNode | readonly GraphQLError[];
  /** Apollo's document store. Apollo neither parses nor validates what it finds here. */
  readonly store: DocumentStore;
}

/** Gives a code to an error of graphql-js, which has none. */
export function withCode(error: GraphQLError, code: `${ApolloServerErrorCode}`): GraphQLError {
  error.extensions.code = code;
  return error;
}

/** Apollo's hash of a document, which is the last part of its key. */
const hashOf = (query: string) => createHash('sha256').update(query).digest('hex');
const hashIn = (key: string) => key.slice(key.lastIndexOf(':') + 1);

/** Returns the fragments of a document by name. */
export const fragmentsIn = ({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])),
  );

/** Counts tokens and comments: the parser's limit ignores comments, but they take memory too. */
function tokensIn({ loc }: DocumentNode): number {
  let count = 0;
  for (let token: Token | null | undefined = loc?.startToken; token; token = token.next) count += 1;
  return Math.max(1, count);
}

/**
 * Creates the cache of valid documents.
 *
 * Apollo validates outside of its error handling. Some rules of graphql-js throw instead of reporting, for example for
 * `subscription { a @skip(if: null) }`; Apollo then logs the document and answers 500. Here it is the client's error.
 */
export function createDocuments({ schema, production }: DocumentsOptions): Documents {
  const rules = production ? [...specifiedRules, NoSchemaIntrospectionCustomRule] : specifiedRules;
  const valid = new LRUCache<string, DocumentNode>({
    max: MOST_DOCUMENTS,
    maxSize: MOST_KEPT_TOKENS,
    sizeCalculation: tokensIn,
  });
  const limits = { maxErrors: MOST_ERRORS, hideSuggestions: production };

  return {
    read(query) {
      const hash = hashOf(query);
      const known = valid.get(hash);
      if (known) return known;
      let code = ApolloServerErrorCode.GRAPHQL_PARSE_FAILED;
      try {
        const document = parse(query, { maxTokens: MOST_TOKENS });
        code = ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED;
        const errors = validate(schema, document, rules, limits);
        if (errors.length > 0) return errors.map((error) => withCode(error, code));
        valid.set(hash, document);
        return document;
      } catch (error) {
        if (error instanceof GraphQLError) return [withCode(error, code)];
        throw error;
      }
    },
    store: {
      get: (key) => Promise.resolve(valid.get(hashIn(key))),
      // `read` has stored it already.
      set: () => Promise.resolve(),
      delete: (key) => Promise.resolve(valid.delete(hashIn(key))),
    },
  };
}
