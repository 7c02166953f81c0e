import type { LoggedRevocation } from '../core/revocation';
import { OVERLAP } from './poll';
import type { View } from './view';

/**
 * Tells whether a revocation that has just entered the view is reported as an event. A process reads the whole live log at
 * its start, and again after it gave up its view. Most of that is old. A revocation is new if it was made since the view
 * was empty, however it arrives.
 *
 * Sockets do not depend on this: a revocation closes the sockets that it refuses, however old it is.
 *
 * @param clockSkew ms by which the clock of Postgres may differ from this process's
 */
export const isNew = (
  { revokedAt }: Pick<LoggedRevocation, 'revokedAt'>,
  { emptySince }: Pick<View, 'emptySince'>,
  clockSkew: number,
): boolean => revokedAt >= emptySince - OVERLAP - clockSkew;
