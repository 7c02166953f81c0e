import type { NewAuditEvent } from '../account';

/**
 * Records a refused request in the audit log. Anybody can cause such an event, so there are limits; beyond them only a
 * count is kept. Returns at once and never throws.
 */
export type RecordRefusal = (event: NewAuditEvent) => void;
