import type { User } from '../core/account';
import { isId } from '../core/claims';
import { notFound } from '../core/errors';
import type { Receipt } from '../core/receipt';
import type { Subject } from '../core/subject';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { forceLogout } from './force-logout';
import { isAddress } from './is-address';

type Needed = Pick<Dependencies, 'truth' | 'revoker' | 'rateLimits' | 'recordRefusal'> & {
  readonly settings: Pick<Dependencies['settings'], 'issuer'>;
};

async function findUser({ truth, settings }: Needed, subject: Subject): Promise<User | undefined> {
  if (subject.format === 'email')
    return isAddress(subject.email) ? truth.users.findByEmail(subject.email) : undefined;
  // Only our own tokens name a user by issuer and subject. We know nobody by the name that another issuer gives.
  if (subject.format === 'iss_sub' && subject.iss !== settings.issuer) return undefined;
  const id = subject.format === 'iss_sub' ? subject.sub : subject.id;
  return isId(id) ? truth.users.findById(id) : undefined;
}

/**
 * Ends every session and token of a user, for another system that may do so (Global Token Revocation). Each call raises
 * the user's version, so its receipt covers every token issued before the call. Throws `NOT_FOUND` for an unknown user.
 */
export const revokeSubject =
  (deps: Needed) =>
  async (subject: Subject, client: Client): Promise<Receipt> => {
    const user = await findUser(deps, subject);
    if (!user) {
      // A primary that was cut off does not know the newest users. The caller would take them for unknown.
      await deps.truth.ping();
      const reason = `an unknown user was named (${subject.format})`;
      deps.recordRefusal({ type: 'REVOCATION_REFUSED', reason, ...originOf(client) });
      throw notFound('user');
    }
    // By user: an emergency may concern all of them at once, but a caller that repeats itself would fill the log.
    await deps.rateLimits.userRevocation(user.id, client);
    return forceLogout(deps)({}, user.id, `Global Token Revocation (${subject.format})`, client);
  };
