import type { Actions } from '../actions/actions';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { RecordRefusal } from '../core/ports/refusals';
import type { PublishedKeys } from '../core/ports/tokens';
import type { FollowersDoor } from '../followers/door';
import type { HttpStatus } from '../graphql/status';
import type { Guard } from '../guard/guard';
import type { Announcements } from '../revocation/announcements';
import type { SocketLimits } from '../subscriptions/socket-limits';
import type { Readiness } from './health';
import type { ExposeMetrics } from './metrics';

/** What the HTTP server is created with. Each part of it names the options it takes. */
export interface AppOptions {
  readonly actions: Actions;
  readonly guard: Guard;
  readonly keys: PublishedKeys;
  readonly readiness: () => Promise<Readiness>;
  /** Serves /metrics on the API's port. Omitted: not served there. */
  readonly exposeMetrics?: ExposeMetrics;
  /** Aborted when the process is told to stop, shortly before the app closes. */
  readonly stopping: AbortSignal;
  readonly logger: Logger;
  readonly recordRefusal: RecordRefusal;
  readonly metrics: Pick<Metrics, 'answered' | 'socketOpened' | 'socketClosed'>;
  /** The share of successful requests that are logged, 0 to 1. Errors always are. `off`: logs no request. */
  readonly logRequests: number | 'off';
  /** The service's own URL, as clients know it. */
  readonly issuer: string;
  /** Further allowed origins. */
  readonly corsOrigins: readonly string[];
  readonly trustProxy: number | string[] | false;
  readonly production: boolean;
  /** Whether the status of a GraphQL answer follows its errors. */
  readonly httpStatus: HttpStatus;
  /** Whether the API is a subgraph, with what gateways ask for. */
  readonly federation: boolean;
  /** ms that a GraphQL operation may take. */
  readonly operationTimeout: number;
  /** The secret of services that introspect. Omitted: introspection is disabled. */
  readonly introspectionSecret?: string;
  /** The secret of those that may end a user's tokens. Omitted: Global Token Revocation is disabled. */
  readonly revocationSecret?: string;
  /** Where services come that follow this node. */
  readonly door: FollowersDoor;
  readonly announcements: Announcements;
  readonly clock: Clock;
  /** ms */
  readonly clockSkew: number;
  /** Whether attempts and sockets are limited per address. */
  readonly rateLimit: boolean;
  /** The application's roles, beside `USER` and `ADMIN`. */
  readonly roles?: readonly string[];
  readonly socketLimits?: Partial<SocketLimits>;
  /** ms that a request may take to arrive. Default: `REQUEST_TIMEOUT`. */
  readonly requestTimeout?: number;
}
