import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, OperationTypeNode } from 'graphql';

const ANSWERABLE = new Set(['application/json', 'application/graphql-response+json', 'application/*', '*/*']);

const canBeAnsweredIn = (accept: string | undefined) =>
  accept === undefined ||
  accept.split(',').some((type) => ANSWERABLE.has((type.split(';')[0] ?? '').trim().toLowerCase()));

const badRequest = (message: string, status: number) =>
  new GraphQLError(message, { extensions: { code: ApolloServerErrorCode.BAD_REQUEST, http: { status } } });

/** Refuses requests that HTTP cannot answer before they run: a mutation must not take effect and then fail. */
export const httpRules: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ operation, request }) {
        if (operation?.operation === OperationTypeNode.SUBSCRIPTION)
          throw badRequest('Subscriptions are served over WebSocket, not over plain HTTP.', 400);
        if (!canBeAnsweredIn(request.http?.headers.get('accept')))
          throw badRequest('Responses are JSON. Send "Accept: application/json".', 406);
        return Promise.resolve();
      },
    }),
};
