import { conflict, notFound } from '../core/errors';
import { lifetimeOf, type LinkLifetimes, linkUrl } from '../core/link';
import type { LinkTokens } from '../core/ports/tokens';
import type { Truth } from '../core/ports/truth';
import { type Actor, type ActorClient, originOf } from './client';

export interface LinkDependencies {
  readonly truth: Pick<Truth, 'users' | 'audit' | 'readTime'>;
  readonly links: Pick<LinkTokens, 'make'>;
  readonly settings: LinkLifetimes & { readonly appUrl: string };
}

export interface ResetLink {
  readonly url: string;
  readonly expiresAt: Date;
}

/**
 * Makes a link to reset a user's password, to be handed over by other means than mail. Only for those who hold the
 * secret of the keys anyway: the API never shows a link.
 */
export const makeResetLink =
  ({ truth, links, settings }: LinkDependencies) =>
  async (admin: Actor, userId: string, client: ActorClient): Promise<ResetLink> => {
    const user = await truth.users.findById(userId);
    if (!user) throw notFound('user');
    if (user.disabled)
      throw conflict('This user is disabled, so a link would be refused. Enable them first.');
    const purpose = 'reset-password';
    const issuedAt = new Date(await truth.readTime());
    const lifetime = lifetimeOf(purpose, settings);
    const { id, email, tokenVersion } = user;
    const token = links.make({ purpose, userId: id, email, tokenVersion }, { issuedAt, lifetime });
    // Before the link is shown: nobody may have one that the audit log does not know of.
    await truth.audit.append({
      type: 'PASSWORD_RESET_REQUESTED',
      userId,
      actorId: admin.userId,
      reason: 'the link was shown to an operator',
      ...originOf(client),
    });
    return {
      url: linkUrl(settings.appUrl, purpose, token),
      expiresAt: new Date((Math.floor(issuedAt.getTime() / 1000) + lifetime) * 1000),
    };
  };
