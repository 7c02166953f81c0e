/** The tokens that a revocation refuses. */
export type RevocationScope = 'TOKEN' | 'SESSION' | 'USER' | 'EVERYONE';

/** Whether a committed revocation is in force on every node. */
export type Confirmation =
  | { readonly confirmed: true }
  /** It is committed and will be published. Until then a node may still accept the token. */
  | { readonly confirmed: false; readonly reason: string };

/** The answer to every call that ends sessions or tokens. */
export interface Receipt {
  readonly scope: RevocationScope;
  /** The user's new version after a USER revocation. */
  readonly tokenVersion?: number;
  readonly endedSessions: number;
  readonly revokedAt: Date;
  readonly confirmation: Confirmation;
}
