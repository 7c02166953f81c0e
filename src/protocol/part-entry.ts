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

/** Reads what a snapshot brings: a revocation without its user, id and time. */
export function learnedFrom([kind, id, version, expiresAtSeconds]: PartEntry): LearnedRevocation {
  const expiresAt = expiresAtSeconds * 1000;
  switch (kind) {
    case 'T':
      return { kind: 'TOKEN', tokenId: id, expiresAt };
    case 'S':
      return { kind: 'SESSION', sessionId: id, expiresAt };
    case 'K':
      return { kind: 'KEY', keyId: id, expiresAt };
    case 'U':
      return { kind: 'USER', userId: id, tokenVersion: version, expiresAt };
    case 'E':
      return { kind: 'EVERYONE', globalVersion: version, expiresAt };
  }
}
