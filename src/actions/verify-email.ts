import type { User } from '../core/account';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { badLink, readLink } from './use-link';

/** Verifies an email by the link of a mail. Sessions and tokens live on. Throws `LINK_INVALID`. */
export const verifyEmail =
  (deps: Dependencies) =>
  async (token: string, client: Client): Promise<User> => {
    const link = await readLink(deps, { token, purposes: ['verify-email'] }, client);
    if (!link) throw await badLink(deps, link, client);
    const { userId } = link;
    const event = { type: 'EMAIL_VERIFIED', userId, actorId: userId, ...originOf(client) } as const;
    const user = await deps.truth.linkUses.verifyEmail(link, event);
    if (!user) throw await badLink(deps, link, client);
    return user;
  };
