import { isUtf8 } from 'node:buffer';
import { emailKey, hasInvisible } from '../../core/email';
import { isAddress } from '../../actions/is-address';
import { readHash } from '../../passwords/foreign/read-hash';
import type { NewAccount } from '../../postgres/import';
import type { Fields, Format, JsonObject } from './formats';
import { LineFault } from './line-fault';
import { LONGEST_PIECE, type Piece } from './pieces';

const DAY = 24 * 60 * 60 * 1000;

/** RFC 3339, or the same without a time of day. */
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

function parse({ bytes }: Piece): JsonObject {
  if (!bytes) throw new LineFault(`is longer than ${LONGEST_PIECE} bytes`);
  if (!isUtf8(bytes)) throw new LineFault('is not UTF-8');
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // The message of JSON.parse quotes the line, which may hold a hash.
    throw new LineFault('is not valid JSON');
  }
  throw new LineFault('is not a JSON object');
}

function readFlag(fields: Fields, name: 'emailVerified' | 'disabled'): boolean {
  const value = fields[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new LineFault(`has a value of ${name} that is neither true nor false`);
}

function readEmail({ email }: Fields): string {
  if (email === undefined || email === null || email === '') throw new LineFault('has no email');
  // An address cannot contain half of a surrogate pair.
  if (!isAddress(email)) throw new LineFault('has an email that is not a valid address');
  if (hasInvisible(email)) throw new LineFault('has an email with an invisible character');
  return email;
}

function readPassword({ passwordHash }: Fields): string | null {
  if (passwordHash === null) return null;
  if (typeof passwordHash !== 'string') throw new LineFault('has a passwordHash that is not a text');
  const hash = readHash(passwordHash);
  if (typeof hash === 'string') throw new LineFault(`has a passwordHash that ${hash}`);
  return hash.text;
}

/** @param roles the configured ones */
function readRole({ role }: Fields, roles: readonly string[]): NewAccount['role'] {
  const value = role ?? 'USER';
  if (typeof value === 'string' && roles.includes(value)) return value;
  throw new LineFault(`has a role that is none of ${roles.join(', ')}`);
}

function readTime({ createdAt }: Fields): string | null {
  if (createdAt === undefined || createdAt === null) return null;
  const isTime = typeof createdAt === 'number' || (typeof createdAt === 'string' && TIME.test(createdAt));
  const time = isTime ? new Date(createdAt) : undefined;
  if (!time || Number.isNaN(time.getTime()))
    throw new LineFault('has a createdAt that is no time: write 2026-01-31T12:00:00Z, or ms since 1970');
  if (time.getTime() < 0 || time.getTime() > Date.now() + DAY)
    throw new LineFault('has a createdAt before 1970 or in the future');
  return time.toISOString();
}

/** An account of the file, checked, and whether the line has more than we keep. */
export interface ReadAccount {
  readonly account: NewAccount;
  readonly hasProfile: boolean;
}

/**
 * Reads a piece of the file. Throws `LineFault`.
 *
 * @param roles the roles that an account may have
 */
export function readAccount(piece: Piece, format: Format, roles: readonly string[]): ReadAccount {
  const fields = format.fieldsOf(parse(piece));
  const email = readEmail(fields);
  const account = {
    line: piece.line,
    email,
    emailKey: emailKey(email),
    passwordHash: readPassword(fields),
    emailVerified: readFlag(fields, 'emailVerified'),
    role: readRole(fields, roles),
    createdAt: readTime(fields),
    disabled: readFlag(fields, 'disabled'),
  };
  return { account, hasProfile: fields.profile !== undefined && fields.profile !== null };
}
