import { type Clock, momentOf } from '../core/clock';
import type { LogStream } from '../core/ports/log-stream';
import type { ViewSource } from '../core/ports/source';
import type { KnownEpoch } from './epoch';
import { createLease } from './lease';

/**
 * Takes a lease on the records when one is needed, without a heartbeat. For a process that keeps no view and may be
 * stopped between two requests. Each probe proves that it reaches the Redis where revocations are published.
 */
export function createProbe(stream: Pick<LogStream, 'probe'>, epoch: KnownEpoch, clock: Clock): ViewSource {
  let length = 0;
  let reachedEpoch: string | undefined;
  const lease = createLease(() => length, clock);

  const probe = async (): Promise<string | undefined> => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const { id, lease: agreed } = await epoch.get();
      const sentAt = momentOf(clock);
      if ((await stream.probe(id)) !== 'STALE') {
        length = agreed ?? 0;
        reachedEpoch = id;
        lease.renew(sentAt);
        return id;
      }
      epoch.ended(id);
    }
    return undefined;
  };

  return {
    step: 'view',
    find: () => undefined,
    get readableEpoch() {
      return lease.holds ? reachedEpoch : undefined;
    },
    reach: probe,
    get state() {
      return { isCurrent: false, size: 0, lag: 0, reachesRedis: lease.holds };
    },
    stop: () => Promise.resolve(),
  };
}
