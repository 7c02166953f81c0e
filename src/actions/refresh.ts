import { isLive } from '../core/account';
import { isNotFound, refreshTokenInvalid, refreshTokenReused, serviceUnavailable } from '../core/errors';
import type { PresentedRefreshToken, SessionState } from '../core/ports/sessions';
import { type Caller, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { type EarlyClaims, grant, type GrantTerms, readEarly, useOf } from './grant';
import { dataOf, noticesOf } from './notices';

/** ms for which a used token is accepted again: two tabs may refresh at once, or a response may get lost. */
const REUSE_GRACE = 10_000;

/** How often a refresh is tried that a change of the user has overtaken. */
const ATTEMPTS = 5;

type Refused = { readonly fault: 'unknown' | 'its session has ended' | 'reused'; readonly of?: SessionState };

/** Says why a token was not rotated. After `current`, try again. */
function judge(
  generation: number,
  found: (SessionState & { readonly rotatedAgo: number }) | undefined,
  now: number,
): SessionState | Refused | 'current' {
  if (!found) return { fault: 'unknown' };
  const { user, session, fleet } = found;
  const versions = { tokenVersion: user.tokenVersion, globalVersion: fleet.globalVersion };
  if (user.disabled || !isLive(session, versions, now)) return { fault: 'its session has ended', of: found };
  // A database that was set back has older generations.
  if (generation > found.generation) return { fault: 'unknown', of: found };
  if (generation === found.generation) return 'current';
  // Its successor can be computed again: two tabs, or a client that lost the answer, get one chain and not two.
  const isRepeated = generation === found.generation - 1 && found.rotatedAgo <= REUSE_GRACE;
  return isRepeated ? found : { fault: 'reused', of: found };
}

async function rotate(
  { truth, clock, settings }: Dependencies,
  token: PresentedRefreshToken,
  client: Client,
): Promise<GrantTerms | Refused> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // Read before the versions, as at login.
    const issuedAt = clock.now();
    const rotated = await truth.sessions.rotate(token, useOf(client, issuedAt, settings));
    if (rotated) return { ...rotated, issuedAt };
    const judged = judge(token.generation, await truth.sessions.look(token), issuedAt);
    // The statement waited for a change of the user, and judged the new session beside the user of before.
    if (judged === 'current') continue;
    return 'fault' in judged ? judged : { ...judged, issuedAt };
  }
  throw serviceUnavailable(new Error('A refresh was overtaken by too many changes of the user'));
}

/**
 * Reads the application's claims before a token is used up. If they cannot be read for longer than a used token is
 * accepted again, nobody must be taken for a thief.
 */
async function claimsBefore(
  deps: Dependencies,
  token: PresentedRefreshToken,
): Promise<EarlyClaims | undefined> {
  if (!deps.readOwnClaims) return undefined;
  const found = await deps.truth.sessions.look(token);
  const isNext = judge(token.generation, found, deps.clock.now()) === 'current';
  return found && isNext ? readEarly(deps, found) : undefined;
}

/**
 * Exchanges a refresh token for new tokens. Throws `REFRESH_TOKEN_INVALID`, or `REFRESH_TOKEN_REUSED` for one that was
 * used before: it may be a stolen copy, so its session is ended with all tokens (RFC 9700, section 4.14.2).
 */
export const refresh = (deps: Dependencies) => async (argument: string | undefined, caller: Caller) => {
  const { client } = caller;
  const refused = (reason: string, of?: SessionState) => {
    const [userId, sessionId] = [of?.user.id, of?.session.id];
    deps.recordRefusal({ type: 'REFRESH_TOKEN_REFUSED', userId, sessionId, reason, ...originOf(client) });
    return refreshTokenInvalid();
  };
  const bad = async (reason: string) => {
    await deps.rateLimits.badToken(client);
    return refused(reason);
  };
  const refreshToken = argument ?? caller.refreshCookie;
  if (refreshToken === undefined) throw refreshTokenInvalid();
  if (!deps.refreshTokens.hasForm(refreshToken)) throw await bad('malformed');
  await deps.rateLimits.tokenLookup(client);
  const token = await deps.refreshTokens.read(refreshToken);
  if (!token) throw await bad('unknown');
  await deps.rateLimits.refresh(token.sessionId, client);

  const early = await claimsBefore(deps, token);
  const outcome = await rotate(deps, token, client);
  if (!('fault' in outcome)) return grant(deps, outcome, early);
  const { fault, of } = outcome;
  if (fault === 'unknown') throw await bad(fault);
  if (fault !== 'reused' || !of) throw refused(fault, of);
  const [userId, sessionId] = [of.user.id, of.session.id];
  const mails = noticesOf(deps, 'session-reused', dataOf(client));
  await deps.revoker
    .revoke(
      { scope: 'SESSION', name: { id: sessionId }, mails },
      { type: 'REFRESH_TOKEN_REUSED', userId, sessionId, ...originOf(client) },
    )
    .catch((error: unknown) => {
      // The account was deleted meanwhile, and the session with it.
      if (!isNotFound(error)) throw error;
    });
  if (mails.length > 0) deps.mailSender.wake();
  throw refreshTokenReused();
};
