import type { AuditEventType, NewAuditEvent } from '../core/account';
import type { Clock } from '../core/clock';
import { isUnavailable } from '../core/errors';
import { siteOf } from '../core/address';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { RecordRefusal } from '../core/ports/refusals';
import type { AuditLog } from '../core/ports/truth';

/** Events of one type that are kept in a minute: from one network, and from all. */
const MOST_OF_NETWORK = 20;
const MOST_OF_TYPE = 200;

/** Events that wait to be written. Reached only while Postgres is away. */
const MOST_WAITING = 2000;

/** Events in one statement. */
const BATCH = 200;

/** ms */
const MINUTE = 60_000;

export interface RefusalRecorderOptions {
  readonly audit: Pick<AuditLog, 'appendAll'>;
  readonly metrics: Pick<Metrics, 'refused' | 'refusalNotRecorded'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface RefusalRecorder {
  readonly record: RecordRefusal;
  /** Writes what waits, and once a minute how many events were left out. Call it about once a second. Never throws. */
  tick(): Promise<void>;
  /** Writes the rest, if the store answers. Never throws. */
  close(): Promise<void>;
}

interface Waiting {
  readonly event: NewAuditEvent;
  /** By the monotonic clock. */
  readonly at: number;
}

/** How many events of this minute were taken, by type and network, and how many were left out. */
class Minute {
  private readonly taken = new Map<string, number>();

  constructor(
    readonly beganAt: number,
    readonly leftOut = new Map<AuditEventType, number>(),
  ) {}

  /** Whether one more may be kept. What is refused takes no memory, so the map is bounded by MOST_OF_TYPE. */
  admits({ type, ipAddress = '' }: NewAuditEvent): boolean {
    const network = `${type} ${siteOf(ipAddress)}`;
    const ofType = this.taken.get(type) ?? 0;
    const ofNetwork = this.taken.get(network) ?? 0;
    if (ofType >= MOST_OF_TYPE || ofNetwork >= MOST_OF_NETWORK) return false;
    this.taken.set(type, ofType + 1).set(network, ofNetwork + 1);
    return true;
  }

  leaveOut(type: AuditEventType): void {
    this.leftOut.set(type, (this.leftOut.get(type) ?? 0) + 1);
  }
}

/**
 * Records refused requests in the audit log, off the request's path: the first event is written at once, and those that
 * come while a statement is under way go together in the next. While Postgres is away they wait.
 */
export function createRefusalRecorder(options: RefusalRecorderOptions): RefusalRecorder {
  const { audit, metrics, clock, logger } = options;
  let minute = new Minute(clock.monotonic());
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let isAway = false;

  const leaveOut = (type: AuditEventType) => {
    minute.leaveOut(type);
    metrics.refusalNotRecorded(type);
  };

  /** Answers whether the next batch may be tried. */
  const writeBatch = async (): Promise<boolean> => {
    const batch = waiting.slice(0, BATCH);
    const now = clock.monotonic();
    try {
      await audit.appendAll(batch.map(({ event, at }) => ({ ...event, age: Math.max(0, now - at) })));
      isAway = false;
    } catch (error) {
      isAway = isUnavailable(error);
      if (isAway) return false;
      // Tried again it would fail again, and keep the others from being written.
      logger.error({ err: error, count: batch.length }, 'Events of refused requests could not be recorded.');
      for (const { event } of batch) leaveOut(event.type);
    }
    waiting = waiting.slice(batch.length);
    return true;
  };

  const writeAll = async () => {
    while (waiting.length > 0 && (await writeBatch()));
  };

  const write = () =>
    (writing ??= writeAll().finally(() => {
      writing = undefined;
    }));

  /** Says in one event what the minute has left out. */
  const endMinute = () => {
    const isFull = waiting.length >= MOST_WAITING;
    const counts = [...minute.leftOut].map(([type, count]) => `${count} ${type}`);
    minute = new Minute(clock.monotonic(), isFull ? minute.leftOut : undefined);
    if (counts.length === 0 || isFull) return;
    const reason = `Beyond the limits of a minute: ${counts.join(', ')}.`;
    waiting.push({ event: { type: 'REFUSALS_NOT_RECORDED', reason }, at: clock.monotonic() });
  };

  return {
    record(event) {
      metrics.refused(event.type);
      if (waiting.length >= MOST_WAITING || !minute.admits(event)) {
        leaveOut(event.type);
        return;
      }
      waiting.push({ event, at: clock.monotonic() });
      // While Postgres is away, the next tick tries again.
      if (!isAway) void write();
    },

    tick() {
      if (clock.monotonic() - minute.beganAt >= MINUTE) endMinute();
      return write();
    },

    async close() {
      endMinute();
      // What is under way may have looked at the queue for the last time.
      await write();
      await write();
    },
  };
}
