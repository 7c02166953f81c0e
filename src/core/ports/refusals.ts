import type { NewAuditEvent } from '../account';

/**
 * Notes in the audit log that something was refused. Anybody can cause such an event, so there are bounds: what goes
 * beyond them is counted, and only the count is kept. Returns at once and never throws.
 */
export type RecordRefusal = (event: NewAuditEvent) => void;
