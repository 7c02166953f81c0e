import type { Clock } from '../core/clock';
import { sharedAnswer } from '../core/shared-answer';
import type { ServiceGuard } from '../guard/create-guard';
import type { HttpClient } from '../http-client/http-client';

/** Whether tokens can be checked now, in the form of a node's `/readyz`. */
export interface Readiness {
  readonly ready: boolean;
  /** Sources that cannot be reached, although tokens can be checked. */
  readonly degraded?: readonly string[];
  readonly view?: 'current' | 'not current' | 'off';
  readonly reasons?: readonly string[];
}

export interface ReadinessOptions {
  readonly guard: Pick<ServiceGuard, 'status'>;
  readonly introspection?: { readonly url: string; readonly secret: string };
  readonly http: Pick<HttpClient, 'ask'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly isStopping: () => boolean;
}

/** ms for which callers share one answer of the server, and ms that it may take. */
const MAX_AGE = 1000;
const PATIENCE = 2000;

/** Asks the server about a token that is none. Resolves to whether it answers. */
async function asks(
  { http }: Pick<ReadinessOptions, 'http'>,
  { url, secret }: { url: string; secret: string },
) {
  const question = {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'token=readyz',
    timeout: PATIENCE,
  } as const;
  return http.ask(url, question).then(
    () => true,
    () => false,
  );
}

/** Tells whether tokens can be checked now. Anybody may ask as often as they like: the server is asked once a second. */
export function createReadiness(options: ReadinessOptions): () => Promise<Readiness> {
  const { guard, introspection, clock, isStopping } = options;
  const answers = sharedAnswer(
    MAX_AGE,
    clock,
    async () => introspection !== undefined && asks(options, introspection),
  );

  return async () => {
    // Without a request to any server: proxies must learn it at once.
    if (isStopping()) return { ready: false, reasons: ['the guard is stopping'] };
    const { view, node, redis, keys } = guard.status();
    const canTell = view === 'current' || redis === 'reached' || (await answers());
    const reasons = [
      ...(keys > 0 ? [] : ['no signing key is known']),
      ...(canTell ? [] : ['nothing can tell whether a token was revoked']),
    ];
    const degraded = [...(node === 'away' ? ['node'] : []), ...(redis === 'away' ? ['redis'] : [])];
    return { ready: reasons.length === 0, degraded, view, ...(reasons.length > 0 && { reasons }) };
  };
}
