/**
 * The session settings that our statements need. A database or a role may have other defaults, so each connection sets
 * these when it opens. The start checks that they are in force, because a pooler may drop them.
 */
export const SESSION_SETTINGS = {
  /** The only format of times that the driver reads. */
  DateStyle: 'ISO, MDY',
  /** A statement that waited for a row continues with its new content. Above this level it fails. */
  default_transaction_isolation: 'read committed',
  /** Numbers with a fraction arrive unrounded; clocks are compared with them. */
  extra_float_digits: '1',
  /** Array parameters may contain nulls. */
  array_nulls: 'on',
  /** A statement fails where a policy would hide rows. Otherwise revocations could be missing without an error. */
  row_security: 'off',
  /** What was acknowledged survives a crash of Postgres. */
  synchronous_commit: 'on',
  /** A commit whose wait for a standby is cancelled is reported by a warning only. */
  client_min_messages: 'notice',
  /** Compiling takes 400 ms where a statement's cost is overestimated, such as that of a sample. */
  jit: 'off',
  /** Waits for locks are limited by `statement_timeout`. */
  lock_timeout: '0',
} as const;
