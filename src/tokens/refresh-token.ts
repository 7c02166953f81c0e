import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { SessionSecrets } from '../core/ports/tokens';
import type { PresentedRefreshToken } from '../core/ports/sessions';

/**
 * A refresh token holds the number of the key that made it, its session, its generation, a check and a MAC:
 *
 *     key 2 bytes | session 16 | generation 4 | check 9 | MAC 32       in base64url, 84 characters
 *
 * Check and half are parts of HMAC-SHA-512(key, session | generation). The MAC is SHA-256(salt | half), and the salt is
 * a random column of the session's row. So two secrets make a token: the key, which a copy of the database lacks, and
 * the salt, which a copy of the key lacks. Neither alone is enough, and nothing of the token is stored.
 *
 * The check is all that this process can verify by itself. It keeps made-up tokens from Postgres. Postgres never gets
 * it: a log of Postgres with parameters shows salts and halves, which would make the MAC, but not the check.
 *
 * The number of the key says only where to look. A token with another number is judged by another key, and refused.
 */
const KEY_AT = 0;
const SESSION_AT = 2;
const GENERATION_AT = 18;
const CHECK_AT = 22;
const MAC_AT = 31;
const END = 63;

const HALF = 32;

/** The largest `integer` of Postgres. A token of this generation has no successor, so a refresh refuses it. */
const LAST_GENERATION = 2 ** 31 - 1;

const TEXT = /^[A-Za-z0-9_-]{84}$/;

/** A key that makes refresh tokens, and its number. */
export interface RefreshKey {
  readonly id: number;
  readonly key: Buffer;
}

const sha256 = (...parts: Buffer[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const toUuid = (bytes: Buffer) =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

function macOf({ key }: RefreshKey, head: Buffer) {
  const mac = createHmac('sha512', key).update(head.subarray(SESSION_AT, CHECK_AT)).digest();
  return { half: mac.subarray(0, HALF), check: mac.subarray(HALF, HALF + MAC_AT - CHECK_AT) };
}

/**
 * Makes the refresh token of a session's generation. The same arguments always make the same token. Nodes may use
 * different keys for a moment after a rotation. Their tokens of one generation differ, but are one: using either ends
 * both.
 */
export function makeRefreshToken(key: RefreshKey, { sessionId, generation, salt }: SessionSecrets): string {
  const token = Buffer.alloc(END);
  token.writeUInt16BE(key.id, KEY_AT);
  token.write(sessionId.replaceAll('-', ''), SESSION_AT, 'hex');
  token.writeUInt32BE(generation, GENERATION_AT);
  const { half, check } = macOf(key, token);
  check.copy(token, CHECK_AT);
  sha256(salt, half).copy(token, MAC_AT);
  return token.toString('base64url');
}

/** Whether a text has the form of a refresh token. An access token never has it: it contains dots. */
export const looksLikeRefreshToken = (text: string): boolean => TEXT.test(text);

/**
 * Reads a refresh token. Answers `undefined` for one that no key has made, and for one without a successor.
 *
 * @param text a text that looks like a refresh token
 * @param keyOf answers the key with that number, if there is one
 */
export async function readRefreshToken(
  text: string,
  keyOf: (id: number) => Promise<RefreshKey | undefined>,
): Promise<PresentedRefreshToken | undefined> {
  const token = Buffer.from(text, 'base64url');
  const key = await keyOf(token.readUInt16BE(KEY_AT));
  if (!key) return undefined;
  const { half, check } = macOf(key, token);
  if (!timingSafeEqual(check, token.subarray(CHECK_AT, MAC_AT))) return undefined;
  const generation = token.readUInt32BE(GENERATION_AT);
  if (generation >= LAST_GENERATION) return undefined;
  return {
    sessionId: toUuid(token.subarray(SESSION_AT, GENERATION_AT)),
    generation,
    half,
    digest: sha256(token.subarray(MAC_AT, END)),
  };
}
