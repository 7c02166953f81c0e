import { serviceUnavailable } from '../core/errors';
import { createLoop } from '../core/loop';
import type { LogStream, Publication } from '../core/ports/log-stream';
import type { LoggedRevocation } from '../core/revocation';
import { createWatchNodes, type WatchNodesOptions, type Way } from './watch-nodes';

/**
 * Publishes committed revocations. Resolves once they are in force everywhere: in Redis, and in every view that is
 * current. `applied`: every registered node has applied them (fast). `outwaited`: every earlier lease is over (slow).
 *
 * Rejects with `SERVICE_UNAVAILABLE` when Redis cannot be reached. Then some of them may be in force. Publishing them
 * again does no harm.
 */
export type Publish = (entries: readonly LoggedRevocation[]) => Promise<Way>;

export interface PublishOptions extends WatchNodesOptions {
  readonly stream: Pick<LogStream, 'publish' | 'nodes' | 'remove'>;
}

/** Revocations in one publication. */
const MOST = 200;

/** Epochs that may end under a publication before Redis is called unavailable. */
const ATTEMPTS = 3;

/** One call of `Publish`, which waits. */
interface Call {
  readonly entries: readonly LoggedRevocation[];
  readonly resolve: (way: Way) => void;
  readonly reject: (error: unknown) => void;
}

/** Takes calls off the queue for one publication: at least one call, however large it is. */
function nextCalls(queue: Call[]): readonly Call[] {
  let count = 0;
  const end = queue.findIndex(({ entries }) => (count += entries.length) > MOST);
  return queue.splice(0, end === -1 ? queue.length : Math.max(1, end));
}

export function createPublish(options: PublishOptions): Publish {
  const { stream, epoch, clock } = options;
  const queue: Call[] = [];
  const watchNodes = createWatchNodes(options);

  const publish = async (entries: readonly LoggedRevocation[]): Promise<Publication> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { id } = await epoch.get();
      const publication = await stream.publish(id, entries);
      if (publication !== 'STALE') return publication;
      epoch.ended(id);
    }
    throw serviceUnavailable(new Error('Redis keeps losing its data'));
  };

  const publishNext = async () => {
    const calls = nextCalls(queue);
    const fail = (error: unknown) => {
      for (const call of calls) call.reject(error);
    };
    try {
      const publication = await publish(calls.flatMap(({ entries }) => entries));
      watchNodes({
        publication,
        answeredAt: clock.monotonic(),
        confirm: (way) => {
          for (const call of calls) call.resolve(way);
        },
        fail,
        repeat: () => add(calls),
      });
    } catch (error) {
      fail(error);
    }
  };

  /** Publishes the queue, one publication at a time. Calls that come meanwhile share the next one. */
  const loop = createLoop(async () => {
    while (queue.length > 0) await publishNext();
  });

  const add = (calls: readonly Call[]) => {
    queue.push(...calls);
    loop.wake();
  };

  return (entries) => new Promise((resolve, reject) => add([{ entries, resolve, reject }]));
}
