import { type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import { ApolloServerErrorCode, unwrapResolverError } from '@apollo/server/errors';
import type { ValidationError } from 'class-validator';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { ERROR_STATUS, type ErrorCode, TokenfenceError } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { Context } from './context';

/** Apollo's own codes for what never reached a resolver, with the status that Apollo gives them. */
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
  const texts = errors.flatMap((error) => [
    ...Object.values(error.constraints ?? {}),
    ...(error.children ?? []).flatMap((child) => Object.values(child.constraints ?? {})),
  ]);
  return texts.length > 0 ? texts.map(sentence).join(' ') : 'The input is not valid.';
}

const isKnown = (code: unknown): code is ErrorCode => typeof code === 'string' && code in ERROR_STATUS;

/**
 * Characters. GraphQL's messages quote what they complain of, and a client could make that as long as a request may be:
 * neither are the rules below tried on it, nor is it sent back.
 */
const LONGEST_MESSAGE = 1000;

/** GraphQL's own messages repeat the value that was wrong. It may be a password, so it is left out. */
const withoutValues = (message: string) =>
  message
    .replace(/^(Syntax Error: [^]*?\b(?:Name|Int|Float|String|BlockString)) "[^]*"/, '$1')
    .replace(/^Value "[^]*" does not exist in/, 'This value does not exist in')
    .replace(/^(Argument "\w+" has) invalid value [^]*$/, '$1 an invalid value.')
    .replace(/((?:cannot represent|does not exist in|must be)[^:]*): [^]*$/, '$1.')
    .replace(/^((?:Expected value of type|Enum|Int|Float|Boolean|String|ID)\b[^,:]*), found [^]*$/, '$1.');

/**
 * The same for a variable, whose message is "Variable … got invalid value <value> at <path>; <reason>". The value may hold
 * any of these words itself, so the reason is taken from its own error, and the path from the end of what is left.
 */
function withoutVariable({ message, originalError }: GraphQLError): string {
  if (message.length > LONGEST_MESSAGE)
    return 'The request is not valid: some name or value in it is very long.';
  const [, variable, value] = /^(Variable "\$\w+") got invalid value ([^]*)$/.exec(message) ?? [];
  if (variable === undefined || value === undefined || !originalError) return withoutValues(message);
  const reason = originalError.message;
  const path = / at "[\w.[\]]+"$/.exec(value.slice(0, -`; ${reason}`.length))?.[0] ?? '';
  return `${variable}${path}: ${withoutValues(reason)}`;
}

/** Apollo would explain to clients how its operators turn introspection on. */
const withoutAdvice = (message: string) =>
  message.replace(/^GraphQL introspection is not allowed[^]*$/, 'The schema is not to be read here.');

/** Some of the libraries' messages lack the full stop, or end with a line break. A single word is a protocol's. */
function asSentence(message: string): string {
  const text = message.trim();
  return text.includes(' ') && !/[.?!]$/.test(text) ? `${text}.` : text;
}

/** GraphQL guesses what a misspelt name was to be. In production that would spell the schema out. */
const withoutSuggestions = (message: string) => message.replace(/ ?Did you mean [^]*$/, '');

/**
 * Whether graphql-js found fault with what the client sent only while it ran it: with too many variables that do not fit,
 * or a null in place of an argument. An error without a path is not a field's. That of an argument has one, and points
 * at the document; one that says what a resolver answered does not.
 */
function isAboutRequest({ nodes, path, originalError, extensions }: GraphQLError, isField: boolean): boolean {
  if (originalError !== undefined || extensions.code !== undefined) return false;
  return isField ? nodes !== undefined : path === undefined;
}

/** What the log may say of an error: the message of GraphQL's own ones is left out, as it quotes the document. */
export function forLog(error: unknown): unknown {
  if (!(error instanceof GraphQLError)) return error;
  if (error.originalError) return forLog(error.originalError);
  const { name, message, stack } = error;
  return { name, message: 'Left out, as it may quote the document.', stack: stack?.replace(message, '') };
}

/** The answer to whatever has no code of its own. `requestId` finds the fault in the log. */
export const unexpected = (requestId?: string) => ({
  message: 'Something unexpected went wrong. Tell the operators the request id.',
  extensions: { code: 'INTERNAL_SERVER_ERROR', ...(requestId !== undefined && { requestId }) },
});

export interface FormatOptions {
  readonly logger: Logger;
  /** Leaves names of the schema out of messages. */
  readonly production: boolean;
  /** Tells of which request an error is, unless the logger says so already. */
  readonly requestIdOf?: (error: object) => string | undefined;
}

/**
 * Makes what a client sees of an error: a code, a sentence, and nothing that was not written for it. Whatever has no
 * code of its own is unexpected: it goes to the log, and the client gets a request id to name it by.
 */
export function createErrorFormatter({ logger, production, requestIdOf }: FormatOptions) {
  const say = (error: GraphQLError) => {
    const message = withoutAdvice(withoutVariable(error));
    return asSentence(production ? withoutSuggestions(message) : message);
  };

  return (formatted: GraphQLFormattedError, raw: unknown): GraphQLFormattedError => {
    const { locations, path } = formatted;
    const error = unwrapResolverError(raw);
    const answer = (message: string, extensions: Record<string, unknown>): GraphQLFormattedError => ({
      message,
      ...(locations && { locations }),
      ...(path && { path }),
      extensions,
    });

    if (error instanceof TokenfenceError) {
      // That a store is away is said once, by whoever talks to it.
      if (error.cause) logger.debug({ err: error.cause, code: error.code }, 'A request could not be served.');
      return answer(error.message, { code: error.code, ...error.details });
    }
    if (error instanceof GraphQLError) {
      const { code, validationErrors } = error.extensions;
      if (Array.isArray(validationErrors)) {
        return answer(messageOfValidation(validationErrors as ValidationError[]), { code: 'BAD_USER_INPUT' });
      }
      if (typeof code === 'string' && SYNTAX_CODES.has(code)) {
        return answer(say(error), { code });
      }
      if (isAboutRequest(error, error !== raw)) return answer(say(error), { code: 'BAD_USER_INPUT' });
    }
    const requestId = typeof raw === 'object' && raw !== null ? requestIdOf?.(raw) : undefined;
    logger.error(
      { ...(requestId !== undefined && { requestId }), err: forLog(error) },
      'Unexpected error in a request.',
    );
    const { message, extensions } = unexpected();
    return answer(message, extensions);
  };
}

/**
 * Sets the HTTP status by the errors of the answer (the highest, if they differ), and adds what the mutations ended.
 *
 * @param requestIdOf names the request in the log
 */
export function createAnswerPlugin<C extends BaseContext & Pick<Context, 'receipts'>>(
  requestIdOf: (context: C) => string,
  describeReceipt: (receipt: Context['receipts'][number]) => unknown,
): ApolloServerPlugin<C> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse({ response, contextValue }) {
          if (response.body.kind !== 'single') return Promise.resolve();
          const { singleResult } = response.body;
          for (const { extensions } of singleResult.errors ?? []) {
            if (!isKnown(extensions?.code)) continue;
            response.http.status = Math.max(response.http.status ?? 200, ERROR_STATUS[extensions.code]);
            if (extensions.code === 'INTERNAL_SERVER_ERROR') extensions.requestId = requestIdOf(contextValue);
            if (typeof extensions.retryAfter === 'number') {
              response.http.headers.set('retry-after', `${extensions.retryAfter}`);
            }
          }
          if (contextValue.receipts.length > 0) {
            singleResult.extensions = {
              ...singleResult.extensions,
              revocations: contextValue.receipts.map(describeReceipt),
            };
          }
          return Promise.resolve();
        },
      }),
  };
}
