import type { Truth } from '../core/ports/truth';
import { rolesWith } from '../core/shape';
import type { Base } from './database';

/** Says which roles users have that are no longer configured. */
export async function warnOfRoles(
  { config, logger }: Pick<Base, 'config' | 'logger'>,
  { users }: Pick<Truth, 'users'>,
): Promise<void> {
  for (const { role, count } of await users.countByRoleBesides(rolesWith(config.roles)))
    logger.warn(
      { role, count },
      'Users have a role that ROLES does not name. Until it does, they count as USER.',
    );
}
