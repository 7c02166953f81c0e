import type { AuditEventType, NewAuditEvent } from '../core/account';
import type { Clock } from '../core/clock';
import { isUnavailable } from '../core/errors';
import { siteOf } from '../core/address';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { RecordRefusal } from '../core/ports/refusals';
import type { AuditLog } from '../core/ports/truth';

/** Events of one type that are kept in a minute: from one site, and from all of them. */
const MOST_OF_SITE = 20;
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

/** Counts the events of one minute: those taken, by type and site, and those left out, by type. */
class Minute {
  private readonly taken = new Map<string, number>();

  constructor(
    readonly beganAt: number,
    readonly leftOut = new Map<AuditEventType, number>(),
  ) {}

  /** Whether one more may be kept. Refused ones use no memory, so MOST_OF_TYPE bounds the map. */
  admits({ type, ipAddress = '' }: NewAuditEvent): boolean {
    const site = `${type} ${siteOf(ipAddress)}`;
    const ofType = this.taken.get(type) ?? 0;
    const ofSite = this.taken.get(site) ?? 0;
    if (ofType >= MOST_OF_TYPE || ofSite >= MOST_OF_SITE) return false;
    this.taken.set(type, ofType + 1).set(site, ofSite + 1);
    return true;
  }

  leaveOut(type: AuditEventType): void {
    this.leftOut.set(type, (this.leftOut.get(type) ?? 0) + 1);
  }

  /** Returns the event that says what was left out, if anything was. */
  summary(): NewAuditEvent | undefined {
    if (this.leftOut.size === 0) return undefined;
    const counts = [...this.leftOut].map(([type, count]) => `${count} ${type}`);
    return { type: 'REFUSALS_NOT_RECORDED', reason: `Over the limits of one minute: ${counts.join(', ')}.` };
  }
}

/**
 * Records refused requests in the audit log without delaying the request. The first event is written at once; those
 * that come during a write are written together afterwards. While Postgres cannot be reached they wait.
 */
export function createRefusalRecorder(options: RefusalRecorderOptions): RefusalRecorder {
  const { audit, metrics, clock, logger } = options;
  let minute = new Minute(clock.monotonic());
  /** `at`: ms, by the monotonic clock. */
  let waiting: { readonly event: NewAuditEvent; readonly at: number }[] = [];
  let writing: Promise<void> | undefined;
  let isAway = false;

  const add = (event: NewAuditEvent) => waiting.push({ event, at: clock.monotonic() });
  const leaveOut = ({ type }: NewAuditEvent) => {
    minute.leaveOut(type);
    metrics.refusalNotRecorded(type);
  };

  const writeAll = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      const now = clock.monotonic();
      try {
        await audit.appendAll(batch.map(({ event, at }) => ({ ...event, age: Math.max(0, now - at) })));
        isAway = false;
      } catch (error) {
        isAway = isUnavailable(error);
        if (isAway) return;
        // Another attempt would fail too, and keep the others from being written.
        const details = { err: error, count: batch.length };
        logger.error(details, 'Unexpected error in recording refused requests. These events are lost.');
        for (const { event } of batch) leaveOut(event);
      }
      waiting = waiting.slice(batch.length);
    }
  };

  const write = () => (writing ??= writeAll().finally(() => (writing = undefined)));

  /** Adds the event that says what was left out. Without room for it, the counts go on in the next minute. */
  const endMinute = () => {
    const isFull = waiting.length >= MOST_WAITING;
    const summary = isFull ? undefined : minute.summary();
    minute = new Minute(clock.monotonic(), isFull ? minute.leftOut : undefined);
    if (summary) add(summary);
  };

  return {
    record(event) {
      metrics.refused(event.type);
      if (waiting.length >= MOST_WAITING || !minute.admits(event)) {
        leaveOut(event);
        return;
      }
      add(event);
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
