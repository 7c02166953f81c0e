/**
 * Whether the records in Redis may be read. It is closed while they cannot be written, since they grow old then. It stays
 * closed when Redis comes back, until everything that was revoked meanwhile has been published.
 */
export interface RecordsGate {
  readonly isOpen: boolean;
  /** How often it was closed. Compare it before you open: a closure in between makes your reason out of date. */
  readonly closures: number;
  close(): void;
  open(): void;
}

/** Closed at first: a node that starts may find records that another node could not write. */
export function createRecordsGate(): RecordsGate {
  let isOpen = false;
  let closures = 0;
  return {
    get isOpen() {
      return isOpen;
    },
    get closures() {
      return closures;
    },
    close() {
      isOpen = false;
      closures += 1;
    },
    open() {
      isOpen = true;
    },
  };
}
