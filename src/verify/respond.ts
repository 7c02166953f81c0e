import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../core/ports/logger';
import { failed, type Verify, type VerifyAnswer } from './answer';

/** Whether the request announces a body that has not arrived. */
const announcesBody = ({ headers, complete }: IncomingMessage): boolean =>
  !complete &&
  (headers.expect !== undefined ||
    headers['transfer-encoding'] !== undefined ||
    (headers['content-length'] !== undefined && headers['content-length'] !== '0'));

/**
 * Whether the request offers another protocol. Node ignores the offer where nothing takes it, but drops what came with
 * the request: https://github.com/nodejs/node/issues/57054
 */
const offersUpgrade = ({ headers }: IncomingMessage): boolean => headers.upgrade !== undefined;

/** Sends an answer, and closes the connection if anything of the request was left unread. Reads no body. */
export function send(
  { status, headers, body }: VerifyAnswer,
  request: IncomingMessage,
  response: ServerResponse,
  isClosing: boolean,
): void {
  // HTTP/2 knows no such header, and closes its streams itself.
  if (request.httpVersionMajor < 2 && (isClosing || announcesBody(request) || offersUpgrade(request)))
    response.setHeader('connection', 'close');
  response.writeHead(status, headers);
  response.end(body);
}

const unexpected = () =>
  failed(500, 'INTERNAL_SERVER_ERROR', 'Unexpected error. The log of this process has more about it.');

export interface Responding {
  readonly verify: Verify;
  readonly logger: Pick<Logger, 'error'>;
  /** Whether an answer closes its connection. Never, if left out. */
  readonly isClosing?: () => boolean;
  /** Called when a request was answered. */
  readonly answered?: (request: IncomingMessage, status: number) => void;
}

/** Creates what answers checks on a server of Node. */
export function createResponder({ verify, logger, isClosing = () => false, answered }: Responding) {
  return (request: IncomingMessage, response: ServerResponse, url = request.url ?? ''): void => {
    const answer = (given: VerifyAnswer) => {
      send(given, request, response, isClosing());
      answered?.(request, given.status);
    };
    verify(request, url)
      .then(answer)
      .catch((error: unknown) => {
        logger.error({ err: error }, 'Unexpected error in a check.');
        if (response.headersSent) response.destroy();
        else answer(unexpected());
      });
  };
}
