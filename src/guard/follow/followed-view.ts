import type { VerifiedToken } from '../../core/claims';
import type { Clock } from '../../core/clock';
import type { LearnedRevocation } from '../../core/revocation';
import type { Place } from '../../protocol/followers';
import { isNew } from '../../protocol/is-new';
import { View } from '../../protocol/view';
import type { Learning, LearnInto } from '../learning';

export interface FollowedViewOptions {
  /** Names that the view may hold. */
  readonly viewLimit: number;
  readonly learnInto: LearnInto;
  readonly clock: Clock;
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
}

/** The view of the database that is followed. It only grows, whichever node it is filled from. */
export class FollowedView {
  /** How far it has got, in the epoch of the node that was followed last. */
  reached: Place | undefined;
  private readonly view: View;
  private readonly learning: Learning;

  constructor(
    readonly database: string,
    private readonly options: FollowedViewOptions,
  ) {
    this.view = new View(options.viewLimit, () => options.clock.now());
    this.learning = options.learnInto(database, this.view);
  }

  get size(): number {
    return this.view.size;
  }

  get isOverfull(): boolean {
    return this.view.isOverfull;
  }

  /** What it says about a token; `undefined` for one of another database, of which it knows nothing. */
  lookUp(token: VerifiedToken) {
    return token.keyId.startsWith(`${this.database}.`) ? this.view.lookUp(token) : undefined;
  }

  take(entry: LearnedRevocation): void {
    const { clock, clockSkew } = this.options;
    this.learning.take(entry, () => {
      const { revokedAt, expiresAt } = entry;
      if (revokedAt !== undefined) return isNew({ revokedAt }, this.view, clockSkew);
      // What a snapshot names has no time. What the view lacks after the first was revoked while nothing was followed.
      return this.reached !== undefined && expiresAt > clock.now();
    });
  }

  /** What a node's view has forgotten counts as forgotten by this one too. Times in ms since the epoch. */
  forget({ sweptUntil = 0, asOf }: { readonly sweptUntil?: number; readonly asOf: number }): void {
    this.view.noteSwept(sweptUntil);
    this.view.noteAsOf(asOf);
  }

  sweep(): void {
    this.view.sweep();
  }

  /** Gives it up. No lease may count for it any longer. */
  leave(): void {
    this.learning.leave();
  }
}
