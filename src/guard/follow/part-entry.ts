import type { PartEntry } from '../../core/follow-messages';
import type { LearnedRevocation } from '../../core/revocation';

/** Reads an entry of a snapshot. It holds only the name of what is revoked, and until when. */
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
