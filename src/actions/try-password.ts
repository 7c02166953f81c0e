import { networkOf, parseAddress } from '../core/address';
import { abandoned } from '../core/errors';
import { askerOf, type Client } from './client';
import type { Dependencies } from './dependencies';

/** Whether a session of this account was used in the client's network lately. Costs the same for an unknown email. */
async function isKnownNetwork({ truth }: Dependencies, email: string, { ipAddress }: Client) {
  const network = networkOf(ipAddress);
  const addresses = await truth.sessions.recentAddressesOf(email);
  return addresses.some((text) => {
    const address = parseAddress(text);
    return address !== undefined && networkOf(address) === network;
  });
}

/**
 * Counts an attempt at the password of an account, by a caller that may have signed in; throws `RATE_LIMITED` if it is
 * one too many. Answers the function that makes it: whether the password is right, after the same work whether or not
 * there is an account. The hash is looked up when it is the caller's turn.
 */
export async function countPasswordAttempt(
  deps: Dependencies,
  { email, sessionId }: { readonly email: string; readonly sessionId?: string },
  client: Client,
): Promise<(findHash: () => Promise<string | undefined>, password: string) => Promise<boolean>> {
  const giveBack = await deps.limits.passwordAttempt(
    { account: email, sessionId, isKnownNetwork: () => isKnownNetwork(deps, email, client) },
    client,
  );
  if (client.signal?.aborted) throw abandoned();
  return async (findHash, password) => {
    const right = await deps.passwords.matches(findHash, password, askerOf(client));
    if (right) await giveBack();
    return right;
  };
}
