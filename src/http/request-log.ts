import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Outcome } from '../graphql/outcome';
import type { AppOptions } from './app-options';
import { clientAddressOf } from './client-address';

/** Polled every few seconds, so neither logged nor counted. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Logs each request in one line at its end, and counts it. Nothing here is client text: the path is the route's, the
 * operation is named by the schema's fields, and the code is ours.
 */
export class RequestLog extends LogController {
  private readonly outcomes = new WeakMap<FastifyRequest, Outcome>();

  constructor(private readonly options: Pick<AppOptions, 'metrics' | 'logRequests'>) {
    super({ requestIdLogLabel: 'requestId' });
  }

  /** Returns the record that GraphQL fills in for a request. */
  outcomeOf(request: FastifyRequest): Outcome {
    const known = this.outcomes.get(request);
    if (known) return known;
    const made: Outcome = {};
    this.outcomes.set(request, made);
    return made;
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
    const { fields = [], code, userId } = this.outcomes.get(request) ?? {};
    const status = reply.statusCode;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const isBad = code !== undefined || status >= 400 || Boolean(error);
    const [field = 'none'] = fields.length > 1 ? ['several'] : fields;
    const operation = path === '/graphql' ? field : path;
    this.options.metrics.answered(operation, code ?? (status >= 400 ? `HTTP_${status}` : 'OK'), ms);
    const { logRequests } = this.options;
    if (logRequests === 'off' || (!isBad && Math.random() >= logRequests)) return;
    const line = {
      method: request.method,
      path,
      operation: fields.join(',') || undefined,
      code,
      status,
      ms,
      userId,
      ip: clientAddressOf(request),
      ...(error && { err: error }),
    };
    request.log.info(line, 'Request.');
  }
}
