import { createHash } from 'node:crypto';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  type Token,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';

/**
 * Tokens of the query language in one document; parsing stops there. The work of validation grows with their square:
 * this many take at most some 10 ms. The full introspection query has fewer than 200.
 */
export const MOST_TOKENS = 600;

/** Errors that a client is told of one document, or of its variables. Looking for more is given up. */
export const MOST_ERRORS = 5;

/** Valid documents that are kept, and the tokens that all of them may have together: each takes about 500 bytes. */
export const MOST_DOCUMENTS = 1000;
export const MOST_KEPT_TOKENS = 50_000;

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  /** Turns introspection off, and leaves names of the schema out of error messages. */
  readonly production: boolean;
}

/** What the clients' documents are read by, whatever transport they come over. */
export interface Documents {
  /** Parses and validates a document. Answers it, or what is wrong with it; each error has a code. */
  read(query: string): DocumentNode | readonly GraphQLError[];
  /** Where Apollo finds what was read: it then neither parses nor validates by itself. */
  readonly store: {
    get(key: string): Promise<DocumentNode | undefined>;
    set(key: string, document: DocumentNode): Promise<void>;
    delete(key: string): Promise<boolean>;
  };
}

/** The same error with a code. */
export const withCode = (error: GraphQLError, code: ApolloServerErrorCode): GraphQLError =>
  new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    originalError: error.originalError,
    extensions: { code },
  });

/** Apollo's own name of a document is the last part of its key. */
const hashOf = (query: string) => createHash('sha256').update(query).digest('hex');
const hashIn = (key: string) => key.slice(key.lastIndexOf(':') + 1);

/** Comments too: they do not count for the parser's limit, and take as much memory. */
function tokensIn({ loc }: DocumentNode): number {
  let count = 0;
  for (let token: Token | null | undefined = loc?.startToken; token; token = token.next) count += 1;
  return Math.max(1, count);
}

/**
 * Reads documents, and remembers the valid ones.
 *
 * Apollo validates outside of its error handling: some rules of graphql-js throw where they should report, for example
 * for `subscription { a @skip(if: null) }`, and Apollo logs such a document and answers 500. Here it is the client's
 * error, as any other.
 */
export function createDocuments({ schema, production }: DocumentsOptions): Documents {
  const rules = production ? [...specifiedRules, NoSchemaIntrospectionCustomRule] : specifiedRules;
  const valid = new LRUCache<string, DocumentNode>({
    max: MOST_DOCUMENTS,
    maxSize: MOST_KEPT_TOKENS,
    sizeCalculation: tokensIn,
  });

  const orErrors = <T>(code: ApolloServerErrorCode, work: () => T): T | readonly GraphQLError[] => {
    try {
      return work();
    } catch (error) {
      if (error instanceof GraphQLError) return [withCode(error, code)];
      throw error;
    }
  };

  const check = (document: DocumentNode) =>
    orErrors(ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED, () =>
      validate(schema, document, rules, { maxErrors: MOST_ERRORS, hideSuggestions: production }).map(
        (error) => withCode(error, ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED),
      ),
    );

  return {
    read(query) {
      const hash = hashOf(query);
      const known = valid.get(hash);
      if (known) return known;
      const parsed = orErrors(ApolloServerErrorCode.GRAPHQL_PARSE_FAILED, () =>
        parse(query, { maxTokens: MOST_TOKENS }),
      );
      if (!('kind' in parsed)) return parsed;
      const errors = check(parsed);
      if (errors.length > 0) return errors;
      valid.set(hash, parsed);
      return parsed;
    },
    store: {
      get: (key) => Promise.resolve(valid.get(hashIn(key))),
      // All that is valid is there already.
      set: () => Promise.resolve(),
      delete: (key) => Promise.resolve(valid.delete(hashIn(key))),
    },
  };
}
