import type { LoggedRevocation } from '../core/revocation';
import { OVERLAP } from './poll';
import type { View } from './view';

/**
 * Whether a revocation that the view has just taken in is to be told as an event. At its start a process reads the whole
 * live log, and again when it had to let go of its view: most of that happened before, and is no news to anybody. What was
 * made since the view was empty is, by whichever way it comes.
 *
 * It says nothing on sockets: whom a revocation refuses is closed by it however old it is.
 *
 * @param clockSkew ms that the clock of Postgres may differ from ours
 */
export const isNew = (
  { revokedAt }: LoggedRevocation,
  { emptySince }: Pick<View, 'emptySince'>,
  clockSkew: number,
): boolean => revokedAt >= emptySince - OVERLAP - clockSkew;
