/**
 * What the statements of this folder need of their session. A database or a role may have other defaults, so each
 * connection asks for these when it opens. The start then looks whether they are in force, as a pooler may drop them.
 */
export const SESSION_SETTINGS = {
  /** The driver reads times in this form only. */
  DateStyle: 'ISO, MDY',
  /** A statement that waited for a row goes on with what the row is by then. Above this level it fails instead. */
  default_transaction_isolation: 'read committed',
  /** Numbers with a fraction arrive whole: clocks are compared by them. */
  extra_float_digits: '1',
  /** Arrays of parameters may hold nulls. */
  array_nulls: 'on',
  /** A statement fails where a policy would hide rows. Else revocations would be missing, and nothing would say so. */
  row_security: 'off',
  /** What was acknowledged outlives a crash of Postgres. */
  synchronous_commit: 'on',
  /** Waits for locks end with their statement, by `statement_timeout`. */
  lock_timeout: '0',
} as const;
