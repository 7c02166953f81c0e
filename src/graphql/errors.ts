import { ApolloServerErrorCode, unwrapResolverError } from '@apollo/server/errors';
import type { ValidationError } from 'class-validator';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { HookError, TokenfenceError } from '../core/errors';
import type { Logger } from '../core/ports/logger';

/** Apollo's codes for requests that never reached a resolver. Apollo sets their status. */
const SYNTAX_CODES = new Set<string>([
  ApolloServerErrorCode.BAD_REQUEST,
  ApolloServerErrorCode.GRAPHQL_PARSE_FAILED,
  ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED,
  ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE,
  ApolloServerErrorCode.BAD_USER_INPUT,
  ApolloServerErrorCode.PERSISTED_QUERY_NOT_SUPPORTED,
]);

const sentence = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;

function messageOfValidation(errors: readonly ValidationError[]): string {
  const texts = errors.flatMap(({ constraints = {} }) => Object.values(constraints));
  return texts.length > 0 ? texts.map(sentence).join(' ') : 'The input is invalid.';
}

/** Characters. GraphQL's messages quote the request. Longer ones are neither sent back nor parsed below. */
const LONGEST_MESSAGE = 1000;

/** Removes the wrong value that GraphQL's messages quote: it may be a password. */
const withoutValues = (message: string) =>
  message
    .replace(/^(Syntax Error: [^]*?\b(?:Name|Int|Float|String|BlockString)) "[^]*"/, '$1')
    .replace(/^Value "[^]*" does not exist in/, 'This value does not exist in')
    .replace(/^(Argument "\w+" has) invalid value [^]*$/, '$1 an invalid value.')
    .replace(/((?:cannot represent|does not exist in|must be)[^:]*): [^]*$/, '$1.')
    .replace(/^((?:Expected value of type|Enum|Int|Float|Boolean|String|ID)\b[^,:]*), found [^]*$/, '$1.');

/**
 * Does the same for "Variable … got invalid value <value> at <path>; <reason>". The value may contain any of these
 * words, so the reason is taken from its own error, and the path from the end of the rest.
 */
function withoutVariable({ message, originalError }: GraphQLError): string {
  if (message.length > LONGEST_MESSAGE)
    return 'The request is invalid: it contains a very long name or value.';
  const [, variable, value] = /^(Variable "\$\w+") got invalid value ([^]*)$/.exec(message) ?? [];
  if (variable === undefined || value === undefined || !originalError) return withoutValues(message);
  const reason = originalError.message;
  const path = / at "[\w.[\]]+"$/.exec(value.slice(0, -`; ${reason}`.length))?.[0] ?? '';
  return `${variable}${path}: ${withoutValues(reason)}`;
}

/** Ends a library's message with a full stop. A single word belongs to a protocol and stays. */
function asSentence(message: string): string {
  const text = message.trim();
  return text.includes(' ') && !/[.?!]$/.test(text) ? `${text}.` : text;
}

/** Removes GraphQL's guesses at misspelt names: in production they would reveal the schema. */
const withoutSuggestions = (message: string) => message.replace(/ ?Did you mean [^]*$/, '');

/**
 * Whether graphql-js blames the request only at execution: for too many invalid variables, or a null argument. An error
 * without a path belongs to no field. An argument's error has a path and nodes; a resolver result's has no nodes.
 */
function isAboutRequest({ nodes, path, originalError, extensions }: GraphQLError, isField: boolean): boolean {
  if (originalError !== undefined || extensions.code !== undefined) return false;
  return isField ? nodes !== undefined : path === undefined;
}

/** Returns an error as it may be logged: GraphQL's own messages quote the document, so they are left out. */
export function forLog(error: unknown): unknown {
  if (!(error instanceof GraphQLError)) return error;
  if (error.originalError) return forLog(error.originalError);
  const { name, message, stack } = error;
  return { name, message: 'Left out: it may quote the document.', stack: stack?.replace(message, '') };
}

/** Creates an error about the request itself. The message is sent to the client. */
export const requestError = (code: `${ApolloServerErrorCode}`, message: string, status = 400): GraphQLError =>
  new GraphQLError(message, { extensions: { code, http: { status } } });

/** The error sent for an unexpected failure. `requestId` finds it in the log. */
export const unexpected = (requestId?: string) => ({
  message: 'Unexpected error. Report the request id to the operators.',
  extensions: { code: 'INTERNAL_SERVER_ERROR', ...(requestId !== undefined && { requestId }) },
});

/** Errors that `PresentError` made itself. */
const own = new WeakSet<Error>();

/** Errors of an application's hook, which a client may see as they are. */
const ofHook = new WeakSet<Error>();

function marked(message: string, extensions: Record<string, unknown>): GraphQLError {
  const error = new GraphQLError(message, { extensions });
  own.add(error);
  return error;
}

/** Returns the error of a resolver as a client may see it, with a code. An unexpected one is logged and masked. */
export type PresentError = (error: unknown, requestId?: string) => unknown;

/**
 * Creates the end of every resolver of ours: what it throws has a code and a message for clients, whatever the GraphQL
 * server does with errors. An application's own hook may throw a `GraphQLError`, which passes as it is.
 */
export function createPresenter({ logger }: Pick<FormatOptions, 'logger'>): PresentError {
  return (thrown, requestId) => {
    const error = thrown instanceof HookError ? thrown.cause : thrown;
    if (error instanceof TokenfenceError) {
      const { code, message, details } = error;
      return new GraphQLError(message, { originalError: error, extensions: { code, ...details } });
    }
    if (error instanceof GraphQLError) {
      const { validationErrors } = error.extensions;
      if (thrown instanceof HookError) ofHook.add(error);
      if (!Array.isArray(validationErrors) || ofHook.has(error)) return error;
      return marked(messageOfValidation(validationErrors as ValidationError[]), { code: 'BAD_USER_INPUT' });
    }
    logger.error({ requestId, err: forLog(error) }, 'Unexpected error in a request.');
    const { message, extensions } = unexpected(requestId);
    return marked(message, extensions);
  };
}

/** Returns what a resolver threw, without what GraphQL and `PresentError` put around it. */
export function thrownBy(raw: unknown): unknown {
  const error = unwrapResolverError(raw);
  return error instanceof GraphQLError && error.originalError instanceof TokenfenceError
    ? error.originalError
    : error;
}

/** Whether a resolver of ours, or our guard, threw this error. A hook's own error is not ours. */
export function isOurs(raw: unknown): boolean {
  const error = thrownBy(raw);
  return error instanceof TokenfenceError || (error instanceof Error && own.has(error));
}

/** Whether a hook of the application threw this error. */
export function isOfHook(raw: unknown): boolean {
  const error = thrownBy(raw);
  return error instanceof Error && ofHook.has(error);
}

export interface FormatOptions {
  readonly logger: Logger;
  /** Keeps names of the schema out of messages. */
  readonly production: boolean;
}

/**
 * Creates Apollo's `formatError`. Clients get a code and a message written for them. An error without a code is
 * unexpected: it is logged, and the client gets only the request id.
 */
export function createErrorFormatter({ logger, production }: FormatOptions) {
  const messageFor = (error: GraphQLError) => {
    const message = withoutVariable(error);
    return asSentence(production ? withoutSuggestions(message) : message);
  };

  return (formatted: GraphQLFormattedError, raw: unknown, requestId?: string): GraphQLFormattedError => {
    const { locations, path } = formatted;
    const error = thrownBy(raw);
    const answer = (message: string, extensions: Record<string, unknown>) => ({
      message,
      locations,
      path,
      extensions,
    });

    if (error instanceof TokenfenceError) {
      // Only debug: the client of the store logs once that it is away.
      if (error.cause) logger.debug({ requestId, err: error.cause, code: error.code }, 'A request failed.');
      return answer(error.message, { code: error.code, ...error.details });
    }
    if (error instanceof GraphQLError) {
      const { code, validationErrors } = error.extensions;
      if (own.has(error) || ofHook.has(error)) return answer(error.message, error.extensions);
      if (Array.isArray(validationErrors)) {
        return answer(messageOfValidation(validationErrors as ValidationError[]), { code: 'BAD_USER_INPUT' });
      }
      if (typeof code === 'string' && SYNTAX_CODES.has(code)) {
        return answer(messageFor(error), { code });
      }
      if (isAboutRequest(error, error !== raw)) return answer(messageFor(error), { code: 'BAD_USER_INPUT' });
    }
    logger.error({ requestId, err: forLog(error) }, 'Unexpected error in a request.');
    const { message, extensions } = unexpected(requestId);
    return answer(message, extensions);
  };
}
