import type { Clock } from '../core/clock';
import type { LogReader, LogStream } from '../core/ports/log-stream';
import type { Logger } from '../core/ports/logger';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import type { KnownEpoch } from './epoch';
import type { FollowersOfView } from './followers';
import type { View } from './view';

export type LiveLog = Pick<RevocationLog, 'eachLive' | 'eachUnconfirmed'>;

export interface UpkeepOptions {
  readonly stream: LogStream;
  readonly reader: LogReader;
  /** Reopens the connections for reads: after a failover they may still lead to the old server. */
  readonly reopen: () => void;
  readonly epoch: KnownEpoch;
  /** The log in Postgres. A process without it loads the view from the stream, once that is filled. */
  readonly log?: LiveLog;
  readonly view: View;
  /** Whether checks use the view. If not, the stream is only followed, and `take` gets what it brings. */
  readonly usesView: boolean;
  /** Takes a revocation into the view, and announces it. */
  readonly take: (entry: LoggedRevocation) => unknown;
  /** Does the same for what the stream has not brought, and passes it on to the followers. `take`, if left out. */
  readonly takeEarly?: (entry: LoggedRevocation) => unknown;
  /** The services that follow this node. */
  readonly followers?: FollowersOfView;
  readonly clock: Clock;
  readonly logger: Logger;
  /** ms for which a heartbeat keeps the view current; learned from the nodes if left out */
  readonly lease?: number;
}

/** One joining of an epoch. The same epoch may be joined again: after a gap, or after the view was given up. */
export interface Joining {
  readonly epochId: string;
  /** The name under which it registers. It is new at each joining, so that no late answer counts for a later one. */
  readonly node: string;
}
