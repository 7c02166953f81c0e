import type { User } from '../core/account';
import type { Link } from '../core/link';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { dataOf, noticesOf } from './notices';
import { withHook } from './run-hook';
import { badLink, readLink } from './use-link';

function change({ linkUses }: Tables, deps: Dependencies, link: Link, client: Client) {
  const { userId, email: newEmail } = link;
  const event = { type: 'EMAIL_CHANGED', userId, actorId: userId, ...originOf(client) } as const;
  return linkUses.changeEmail(link, event, noticesOf(deps, 'email-changed', { ...dataOf(client), newEmail }));
}

/** The password goes too: a thief who changed the email knows it, or has set it. */
function undo({ linkUses }: Tables, { canMail }: Dependencies, link: Link, client: Client) {
  const { userId } = link;
  const event = { type: 'EMAIL_CHANGE_UNDONE', userId, actorId: userId, ...originOf(client) } as const;
  return linkUses.undoEmailChange(
    link,
    event,
    canMail ? [{ kind: 'password-reset', data: dataOf(client) }] : [],
  );
}

/**
 * Changes an email by the link to the new address, or undoes that by the link to the one of before. Both end every
 * session and token. Throws `LINK_INVALID`, and `CONFLICT` if another account has the address by now.
 */
export const confirmEmailChange =
  (deps: Dependencies) =>
  async (token: string, client: Client): Promise<{ user: User; receipt: Receipt }> => {
    const link = await readLink(deps, { token, purposes: ['confirm-email', 'undo-email'] }, client);
    if (!link) throw await badLink(deps, link, client);
    const use = link.purpose === 'undo-email' ? undo : change;
    const changed = await withHook(
      deps,
      'changingEmail',
      (tables) => use(tables, deps, link, client),
      (done) => done && { user: done.user, previousEmail: done.previousEmail, client: originOf(client) },
    );
    if (!changed) throw await badLink(deps, link, client);
    deps.mailSender.wake();
    return { user: changed.user, receipt: await deps.revoker.confirmEnded('USER', changed) };
  };
