import { isUnavailable } from '../core/errors';
import type { Records } from '../core/ports/records';
import type { Source, ViewSource } from '../core/ports/source';
import type { RecordsGate } from '../protocol/records-gate';

export interface RecordsSourceOptions {
  readonly records: Pick<Records, 'read'>;
  /** Says in which epoch the records may be read. */
  readonly epochs: Pick<ViewSource, 'readableEpoch' | 'reach'>;
  /** Closed when the records cannot be read. */
  readonly gate?: Pick<RecordsGate, 'close'>;
}

/** The records in Redis. Where one is missing, leaves the ticket that permits to fill it. */
export function createRecordsSource({ records, epochs, gate }: RecordsSourceOptions): Source {
  return {
    step: 'redis',
    async find(question) {
      try {
        const epochId = epochs.readableEpoch ?? (await epochs.reach?.());
        if (epochId === undefined) return undefined;
        const answer = await records.read(epochId, question.token);
        if (answer.found) return answer.known;
        question.ticket = answer.ticket;
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        gate?.close();
      }
      return undefined;
    },
  };
}
