import { timingSafeEqual } from 'node:crypto';

/** The shortest hash, in bytes. A shorter one would fit too many passwords. */
const SHORTEST_HASH = 16;

/** The longest hash, in bytes. */
const LONGEST_HASH = 64;

/** The longest salt, in bytes. */
const LONGEST_SALT = 128;

/**
 * Decodes base64 in every form that hashes are written in: standard or for URLs, with `.` for `+` (passlib), padded or
 * not. Returns `undefined` for anything else.
 */
export function decode(text: string): Buffer | undefined {
  const plain = text
    .replace(/={1,2}$/, '')
    .replace(/[-.]/g, '+')
    .replaceAll('_', '/');
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) return undefined;
  return Buffer.from(plain, 'base64');
}

/** Encodes as base64 without padding, as PHC strings do. */
export const encode = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** Decodes a salt; `undefined` if it is empty or too long. */
export function saltOf(text: string): Buffer | undefined {
  const salt = decode(text);
  return salt && salt.length > 0 && salt.length <= LONGEST_SALT ? salt : undefined;
}

/** Decodes a hash; `undefined` if it is too short or too long. */
export function hashOf(text: string): Buffer | undefined {
  const hash = decode(text);
  return hash && hash.length >= SHORTEST_HASH && hash.length <= LONGEST_HASH ? hash : undefined;
}

/** Compares in a time that does not depend on the bytes. */
export const isSame = (one: Buffer, other: Buffer): boolean =>
  one.length === other.length && timingSafeEqual(one, other);
