import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Creates the check of a secret, in constant time: it compares digests, which have the same length. */
export function createSecretCheck(secret: string): (authorization: string | undefined) => boolean {
  const expected = digest(secret);
  return (authorization = '') => {
    const presented = /^Bearer +(.+)$/i.exec(authorization)?.[1];
    return presented !== undefined && timingSafeEqual(digest(presented), expected);
  };
}

/** Says in the audit log why a request without the secret was refused. */
export const secretFault = (authorization: string | undefined): string =>
  authorization === undefined ? 'no secret was sent' : 'the secret is wrong';
