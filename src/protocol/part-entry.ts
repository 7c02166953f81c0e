import type { PartEntry } from '../core/follow-messages';
import type { LearnedRevocation } from '../core/revocation';

// In s: V8 stores integers of that size in the tables themselves, and allocates larger ones one by one.
const toSeconds = (ms: number) => Math.ceil(ms / 1000);

/** Puts a revocation into the form in which views hold it, and snapshots bring it. */
export function partEntryOf(entry: LearnedRevocation): PartEntry {
  const expiresAt = toSeconds(entry.expiresAt);
  switch (entry.kind) {
    case 'TOKEN':
      return ['T', entry.tokenId, 0, expiresAt];
    case 'SESSION':
      return ['S', entry.sessionId, 0, expiresAt];
    case 'KEY':
      return ['K', entry.keyId, 0, expiresAt];
    case 'USER':
      return ['U', entry.userId, entry.tokenVersion, expiresAt];
    case 'EVERYONE':
      return ['E', '', entry.globalVersion, expiresAt];
  }
}
