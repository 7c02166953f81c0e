/** How far a revocation reaches. */
export type RevocationScope = 'TOKEN' | 'SESSION' | 'USER' | 'EVERYONE';

/** What became of a revocation after it was committed. */
export type Confirmation =
  | { readonly confirmed: true }
  /** It is durable and will be delivered, but a node may still accept the token until then. */
  | { readonly confirmed: false; readonly reason: string };

/** The answer to every call that ends something. */
export interface Receipt {
  readonly scope: RevocationScope;
  /** The user's counter after a USER revocation. */
  readonly tokenVersion?: number;
  readonly endedSessions: number;
  readonly revokedAt: Date;
  readonly confirmation: Confirmation;
}
