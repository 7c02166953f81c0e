import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { outcomeOf } from '../graphql/outcome';
import type { AppOptions } from './app-options';
import { createClientReader, type ReadClient } from './client';

/** Polled every few seconds, so neither logged nor counted. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

type RequestLogOptions = Pick<AppOptions, 'metrics' | 'logRequests' | 'trustProxy'>;

/**
 * Logs each request in one line at its end, and counts it. Nothing here is client text: the path is the route's, the
 * operation is named by the schema's fields, and the code is ours.
 */
export class RequestLog extends LogController {
  // Really private: Fastify copies deeply what it can read of its options, and this may lead to the whole service.
  readonly #metrics: AppOptions['metrics'];
  readonly #logRequests: AppOptions['logRequests'];
  readonly #clientOf: ReadClient;

  constructor({ metrics, logRequests, trustProxy }: RequestLogOptions) {
    super({ requestIdLogLabel: 'requestId' });
    this.#metrics = metrics;
    this.#logRequests = logRequests;
    this.#clientOf = createClientReader(trustProxy);
  }

  override incomingRequest(): void {
    // Not logged: the line at the end says more.
  }

  override routeNotFound(): void {
    // Not logged: the line would contain the URL, which is client text.
  }

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const path = request.routeOptions.url ?? 'none';
    if (PROBES.has(path)) return;
    const { fields = [], code, userId } = outcomeOf(request.raw);
    const status = reply.statusCode;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const isBad = code !== undefined || status >= 400 || Boolean(error);
    const [field = 'none'] = fields.length > 1 ? ['several'] : fields;
    const operation = path === '/graphql' ? field : path;
    this.#metrics.answered(operation, code ?? (status >= 400 ? `HTTP_${status}` : 'OK'), ms);
    const logRequests = this.#logRequests;
    if (logRequests === 'off' || (!isBad && Math.random() >= logRequests)) return;
    const line = {
      method: request.method,
      path,
      operation: fields.join(',') || undefined,
      code,
      status,
      ms,
      userId,
      ip: this.#clientOf(request).ipAddress,
      ...(error && { err: error }),
    };
    request.log.info(line, 'Request.');
  }
}
