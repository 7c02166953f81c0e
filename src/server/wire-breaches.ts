import type { Config } from '../config/config';
import type { Clock } from '../core/clock';
import type { IsBreached } from '../core/ports/breaches';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import { createHttpClient } from '../http-client/http-client';
import { createBreachCheck } from '../passwords/breaches';
import type { Teardown } from './teardown';

interface BreachBase {
  readonly config: Pick<Config, 'breachUrl'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly teardown: Pick<Teardown, 'add'>;
  readonly clock: Clock;
}

/** Creates the check of new passwords against breached ones. It finds none if PASSWORD_BREACH_CHECK is off. */
export function assembleBreachCheck({ config, teardown, ...base }: BreachBase): IsBreached {
  const { breachUrl: url } = config;
  if (url === undefined) return () => Promise.resolve(false);
  const http = createHttpClient();
  teardown.add(() => http.close());
  return createBreachCheck({ ...base, url, http });
}
