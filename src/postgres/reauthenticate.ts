import type { EntityManager } from 'typeorm';
import { serviceUnavailable } from '../core/errors';
import type { Sessions } from '../core/ports/sessions';
import { insertEvents, toJson } from './audit-log';
import { liveAt, STATE, type StateRow, toState, useColumns, valuesOf } from './session-rows';
import { runPrepared, type Statement } from './tables';

// No lock on the user, as at a refresh: what was read before a raise carries a version that is refused after it. If it
// waited for a change of the user, it compares the new session with the user of before and changes nothing: `was_live`
// then tells that the session had not ended, and the statement is run again.
const REAUTHENTICATE: Statement = {
  name: 'reauthenticate',
  text: `with f as materialized (select * from {fleet}),
    clock as materialized (select clock_timestamp() as now),
    u as materialized (select * from {users} where id = $1),
    s as (
      update {sessions} s set authenticated_at = clock.now, salt = $8, generation = s.generation + 1,
        rotated_at = clock.now, ${useColumns(3)}
      from u, f, clock where s.id = $2 and u.password_hash = $7 and ${liveAt(3)} returning s.*
    ),
    event as (${insertEvents('jsonb_build_array($9::jsonb)', 'where exists (select from s)')})
    select state.*,
      exists (select from {sessions} s, u, f where s.id = $2 and ${liveAt(3)}) as was_live,
      exists (select from u where password_hash is distinct from $7) as has_other_password
    from (select) as one left join (select ${STATE} from s, u, f) as state on true`,
};

type Row = (StateRow | { readonly state: null }) & {
  readonly was_live: boolean;
  readonly has_other_password: boolean;
};

/** How often it is run when other changes of the user keep overtaking it. */
const ATTEMPTS = 5;

/** See `Sessions.reauthenticate`. */
export async function reauthenticate(
  manager: EntityManager,
  ...[{ id, userId }, event, { passwordHash, salt, use }]: Parameters<Sessions['reauthenticate']>
): ReturnType<Sessions['reauthenticate']> {
  const values = [userId, id, ...valuesOf(use), passwordHash, salt, toJson(event)];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [row] = await runPrepared<Row>(manager, REAUTHENTICATE, values);
    if (row && row.state !== null) return toState(row);
    if (row?.has_other_password) return 'password changed';
    if (!row?.was_live) return 'session ended';
  }
  throw serviceUnavailable(new Error('Other changes of the user overtook the confirmation of the password'));
}
