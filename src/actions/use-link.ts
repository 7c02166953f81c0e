import type { NewAuditEvent } from '../core/account';
import { linkInvalid } from '../core/errors';
import type { Link, LinkPurpose } from '../core/link';
import type { NewMail } from '../core/mail';
import type { Receipt } from '../core/receipt';
import { checkNewPassword } from './check-new-password';
import { askerOf, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { type Grant, grant, newSession } from './grant';
import { begun, withHook } from './run-hook';

/** The token of a link as it was sent, and what it may be for. */
interface PresentedLink {
  readonly token: string;
  readonly purposes: readonly LinkPurpose[];
}

/** Reads a link. Returns nothing for one that is forged, has expired, or has another purpose. */
export async function readLink(
  { rateLimits, links }: Dependencies,
  { token, purposes }: PresentedLink,
  client: Client,
): Promise<Link | undefined> {
  await rateLimits.tokenLookup(client);
  return links.read(token, purposes);
}

/** Counts and records a link that is not good. Returns its error, the same for every reason. */
export async function badLink(
  { rateLimits, recordRefusal }: Dependencies,
  link: Link | undefined,
  client: Client,
): Promise<Error> {
  await rateLimits.badToken(client);
  const reason = link ? `${link.purpose}: used or superseded` : 'expired or unknown';
  recordRefusal({ type: 'LINK_REFUSED', userId: link?.userId, reason, ...originOf(client) });
  return linkInvalid();
}

/** How a link sets a password. */
interface PasswordSetting {
  readonly link: PresentedLink;
  readonly password: string;
  readonly useCookie: boolean | null | undefined;
  readonly type: NewAuditEvent['type'];
  readonly notices: readonly NewMail[];
}

/**
 * Sets a password by a link, ends every session and token of before, and signs in. Throws `LINK_INVALID`, after the same
 * work for every reason.
 */
export async function setPasswordByLink(
  deps: Dependencies,
  { link: presented, password, useCookie, type, notices }: PasswordSetting,
  client: Client,
): Promise<{ grant: Grant; receipt: Receipt }> {
  const { passwords, revoker, clock, settings } = deps;
  const link = await readLink(deps, presented, client);
  // Counted before the check and the hash, which anybody could ask for otherwise, with a good link too.
  if (link) await deps.rateLimits.registration(client);
  const refusal = link ? undefined : await badLink(deps, link, client);
  await checkNewPassword(deps, password, link?.email ?? '');
  const passwordHash = await passwords.hash(password, askerOf(client));
  if (!link) throw refusal ?? linkInvalid();

  // Read before the version, as at login.
  const issuedAt = clock.now();
  const session = newSession({ client, useCookie, issuedAt }, settings);
  const { userId } = link;
  const event = { type, userId, actorId: userId, sessionId: session.id, ...originOf(client) };
  const set = await withHook(
    deps,
    'loggedIn',
    (tables) => tables.linkUses.setPassword(link, passwordHash, session, event, notices),
    (done) => begun(client)(done?.state),
  );
  if (!set) throw await badLink(deps, link, client);
  deps.mailSender.wake();
  const receipt = await revoker.confirmEnded('USER', { ...set, user: set.state.user });
  return { grant: await grant(deps, { ...set.state, issuedAt }), receipt };
}
