import { blockOf, parseAddress } from '../core/address';
import { abandoned } from '../core/errors';
import { askerOf, type Client } from './client';
import type { Dependencies } from './dependencies';

/** Whether the account was used from the client's address recently. Takes the same time for an unknown email. */
async function isKnownAddress({ truth }: Dependencies, email: string, { ipAddress }: Client) {
  const block = blockOf(ipAddress);
  const addresses = await truth.sessions.recentAddressesOf(email);
  return addresses.some((text) => {
    const address = parseAddress(text);
    return address !== undefined && blockOf(address) === block;
  });
}

/**
 * Counts a password attempt. Throws `RATE_LIMITED` beyond the limit. Returns the function that compares the password,
 * with the same work whether or not the account exists. It looks up the hash when it is the caller's turn.
 */
export async function countPasswordAttempt(
  deps: Dependencies,
  { email, sessionId }: { readonly email: string; readonly sessionId?: string },
  client: Client,
): Promise<(findHash: () => Promise<string | undefined>, password: string) => Promise<boolean>> {
  const giveBack = await deps.rateLimits.passwordAttempt(
    { account: email, sessionId, isKnownAddress: () => isKnownAddress(deps, email, client) },
    client,
  );
  if (client.signal?.aborted) throw abandoned();
  return async (findHash, password) => {
    const right = await deps.passwords.matches(findHash, password, askerOf(client));
    if (right) await giveBack();
    return right;
  };
}
