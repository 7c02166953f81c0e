import type { LearnedRevocation } from '../core/revocation';
import type { View } from '../protocol/view';
import type { Listener } from '../revocation/announcements';
import type { JwksKeys } from '../tokens/jwks-keys';

/** A view that revocations are learned into. */
export interface Learning {
  /**
   * Takes in a revocation. If the view did not have it, the listeners hear of it.
   *
   * @param isNew asked then: whether it is an event, or was made before this process could announce it
   */
  take(entry: LearnedRevocation, isNew: () => boolean): void;
  /** From now on the view gets nothing from others. */
  leave(): void;
}

/** Says that a view of this database is kept. */
export type LearnInto = (databaseId: string, view: View) => Learning;

/**
 * Creates what the ways to learn of revocations share. What one brings is given to every view of its database at once: each
 * revocation is announced only once, and no view that a check asks lacks what was announced.
 */
export function createLearning(
  keys: Pick<JwksKeys, 'revoke' | 'reload'>,
  announce: Listener<LearnedRevocation>,
): LearnInto {
  const views = new Map<View, string>();
  return (databaseId, view) => {
    views.set(view, databaseId);
    return {
      take(entry, isNew) {
        if (!view.apply(entry)) return;
        for (const [other, itsDatabase] of views)
          if (other !== view && itsDatabase === databaseId) other.apply(entry);
        // Before the listeners hear of it: they may check a token at once, and the key must be gone by then.
        if (entry.kind === 'KEY') {
          keys.revoke(entry.keyId);
          void keys.reload();
        }
        announce(entry, isNew());
      },
      leave: () => void views.delete(view),
    };
  };
}
