import type { GraphQLFormattedError } from 'graphql';

/** Options of Apollo Server: the bounds of our own server that no plugin can set. They name no type of Apollo. */
export interface ApolloBounds {
  readonly introspection: boolean;
  readonly includeStacktraceInErrorResponses: boolean;
  readonly persistedQueries: false;
  readonly csrfPrevention: boolean;
  readonly parseOptions: { readonly maxTokens: number };
  readonly validationOptions: { readonly maxErrors: number };
  readonly executionOptions: { readonly maxCoercionErrors: number };
  readonly hideSchemaDetailsFromClientErrors: boolean;
  readonly stopOnTerminationSignals: boolean;
  readonly logger: Record<'debug' | 'info' | 'warn' | 'error', (message: string) => void>;
  readonly formatError: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
}
