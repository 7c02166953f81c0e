import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import type { LogStream, Publication, Roll } from '../core/ports/log-stream';
import type { LoggedRevocation } from '../core/revocation';
import type { KnownEpoch } from './epoch';

/** Carries committed revocations to wherever tokens are checked. */
export interface Carrier {
  /**
   * Resolves once they are in force everywhere: in Redis, and in every view that is current. Throws
   * `SERVICE_UNAVAILABLE` when that could not be brought about now; then some may be in force, some not. Carrying them
   * again does no harm.
   */
  carry(entries: readonly LoggedRevocation[]): Promise<'applied' | 'outwaited'>;
}

export interface CarrierOptions {
  readonly stream: Pick<LogStream, 'publish' | 'roll' | 'strike'>;
  readonly epoch: KnownEpoch;
  /** ms after which every lease has ended that was granted before: see `outlasting` */
  readonly wait: number;
  readonly clock: Clock;
}

/** Revocations in one publication. */
const MOST = 200;

/** Epochs that may end under a publication before Redis is called unavailable. */
const ATTEMPTS = 3;

/** ms between two looks at the roll: the first, and the longest. */
const FIRST_LOOK = 1;
const LONGEST_LOOK = 20;

interface Parcel {
  readonly entries: readonly LoggedRevocation[];
  readonly resolve: (way: 'applied' | 'outwaited') => void;
  readonly reject: (error: unknown) => void;
}

/** What was published together and is not in force everywhere yet. */
interface Shipment {
  readonly parcels: readonly Parcel[];
  readonly publication: Publication;
  /** When the publication was answered, by the monotonic clock. */
  readonly answeredAt: number;
}

const hasApplied = (roll: Roll, position: number) =>
  [...roll.values()].every((node) => node.position >= position);

/** Those who have not beaten since: whatever they relied on has run out. */
function silentSince(before: Roll, now: Roll): Map<string, string> {
  const silent = [...now].filter(([node, { beat }]) => before.get(node)?.beat === beat);
  return new Map(silent.map(([node, { beat }]) => [node, beat]));
}

export function createCarrier({ stream, epoch, wait, clock }: CarrierOptions): Carrier {
  const queue: Parcel[] = [];
  let sending = false;
  let shipments: Shipment[] = [];
  let watching = false;

  const publish = async (entries: readonly LoggedRevocation[]): Promise<Publication> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { id } = await epoch.get();
      const publication = await stream.publish(id, entries);
      if (publication !== 'STALE') return publication;
      epoch.ended(id);
    }
    throw serviceUnavailable(new Error('Redis keeps losing its data'));
  };

  const nextParcels = () => {
    let count = 0;
    const end = queue.findIndex(({ entries }) => (count += entries.length) > MOST);
    // One parcel at least, however large it is.
    return queue.splice(0, end === -1 ? queue.length : Math.max(1, end));
  };

  /** Publishes what waits, one publication at a time: what comes meanwhile goes together in the next. */
  const send = async () => {
    if (sending) return;
    sending = true;
    while (queue.length > 0) {
      const parcels = nextParcels();
      try {
        const publication = await publish(parcels.flatMap(({ entries }) => entries));
        shipments.push({ parcels, publication, answeredAt: clock.monotonic() });
        void watch();
      } catch (error) {
        for (const parcel of parcels) parcel.reject(error);
      }
    }
    sending = false;
  };

  /** Looks at the roll once, and settles what can be settled. */
  const look = async (epochId: string, waiting: readonly Shipment[]) => {
    // Before the roll is asked for: only then does its answer prove that the epoch has outlived the wait.
    const askedAt = clock.monotonic();
    const roll = await stream.roll(epochId);
    if (roll === 'STALE') {
      // What was published is gone with its epoch. Those who join the next one load it from Postgres, but who has
      // joined already may have done so before it was committed.
      epoch.ended(epochId);
      shipments = shipments.filter((shipment) => !waiting.includes(shipment));
      queue.push(...waiting.flatMap(({ parcels }) => parcels));
      void send();
      return;
    }
    // Views of the epoch before are not on this roll. They are current no more once it has been known for long enough.
    const isSettled = epoch.isKnownFor(epochId, wait);
    const silent = new Map<string, string>();
    for (const shipment of waiting) {
      const { publication, parcels } = shipment;
      const isFast = isSettled && hasApplied(roll, publication.position);
      const isSlow = askedAt - shipment.answeredAt >= wait;
      if (!isFast && !isSlow) continue;
      if (!isFast) for (const [node, beat] of silentSince(publication.roll, roll)) silent.set(node, beat);
      shipments = shipments.filter((other) => other !== shipment);
      for (const parcel of parcels) parcel.resolve(isFast ? 'applied' : 'outwaited');
    }
    // So that those who are gone make only the first revocation wait.
    if (silent.size > 0) await stream.strike(epochId, silent).catch(() => undefined);
  };

  const watch = async () => {
    if (watching) return;
    watching = true;
    for (let first = shipments[0]; first; first = shipments[0]) {
      const { epochId } = first.publication;
      const waiting = shipments.filter(({ publication }) => publication.epochId === epochId);
      try {
        await look(epochId, waiting);
      } catch (error) {
        shipments = shipments.filter((shipment) => !waiting.includes(shipment));
        for (const parcel of waiting.flatMap(({ parcels }) => parcels)) parcel.reject(error);
      }
      const age = clock.monotonic() - first.answeredAt;
      if (shipments.length > 0) await sleep(Math.min(LONGEST_LOOK, FIRST_LOOK + age / 10));
    }
    watching = false;
  };

  return {
    carry: (entries) =>
      new Promise((resolve, reject) => {
        queue.push({ entries, resolve, reject });
        void send();
      }),
  };
}
