import type { AuditEventType, NewAuditEvent } from '../core/account';
import type { Clock } from '../core/clock';
import { isUnavailable } from '../core/errors';
import { siteOf } from '../core/address';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { RecordRefusal } from '../core/ports/refusals';
import type { AuditLog } from '../core/ports/truth';

/** Events of one type that are kept in a minute: from one network, and from all of them. */
const MOST_OF_NETWORK = 20;
const MOST_OF_TYPE = 200;

/** Events that may wait to be written. Reached only while Postgres cannot be reached. */
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
  /** Writes waiting events, and once a minute how many were left out. Call it about once a second. Never throws. */
  tick(): Promise<void>;
  /** Writes the rest, if Postgres can be reached. Never throws. */
  close(): Promise<void>;
}

interface Waiting {
  readonly event: NewAuditEvent;
  /** ms, by the monotonic clock. */
  readonly at: number;
}

/** Counts the events of one minute: those taken, by type and network, and those left out, by type. */
class Minute {
  private readonly taken = new Map<string, number>();

  constructor(
    readonly beganAt: number,
    readonly leftOut = new Map<AuditEventType, number>(),
  ) {}

  /** Whether one more may be kept. Refused ones use no memory, so MOST_OF_TYPE bounds the map. */
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
 * Records refused requests in the audit log without delaying the request. The first event is written at once; those
 * that come during a write are written together afterwards. While Postgres cannot be reached they wait.
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

  /** Writes one batch. Returns whether to try the next one. */
  const writeBatch = async (): Promise<boolean> => {
    const batch = waiting.slice(0, BATCH);
    const now = clock.monotonic();
    try {
      await audit.appendAll(batch.map(({ event, at }) => ({ ...event, age: Math.max(0, now - at) })));
      isAway = false;
    } catch (error) {
      isAway = isUnavailable(error);
      if (isAway) return false;
      // Another attempt would fail too, and keep the others from being written.
      logger.error(
        { err: error, count: batch.length },
        'Unexpected error in recording refused requests. These events are lost.',
      );
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

  /** Adds one event that says what was left out in the minute. */
  const endMinute = () => {
    const isFull = waiting.length >= MOST_WAITING;
    const counts = [...minute.leftOut].map(([type, count]) => `${count} ${type}`);
    minute = new Minute(clock.monotonic(), isFull ? minute.leftOut : undefined);
    if (counts.length === 0 || isFull) return;
    const reason = `Over the limits of one minute: ${counts.join(', ')}.`;
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
      // While Postgres cannot be reached, the next tick tries again.
      if (!isAway) void write();
    },

    tick() {
      if (clock.monotonic() - minute.beganAt >= MINUTE) endMinute();
      return write();
    },

    async close() {
      endMinute();
      // The first write may join one that has already taken its last batch.
      await write();
      await write();
    },
  };
}
