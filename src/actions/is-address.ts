import { isEmail } from 'class-validator';
import { emailKey, LONGEST_EMAIL } from '../core/email';

/** Whether a value is an email address that can be stored. It may have an invisible character: see `hasInvisible`. */
export function isAddress(value: unknown): value is string {
  try {
    return (
      typeof value === 'string' &&
      value.length <= LONGEST_EMAIL &&
      isEmail(value) &&
      // Case folding makes some characters longer, and the database index limits the length.
      emailKey(value).length <= LONGEST_EMAIL
    );
  } catch {
    // The library encodes it as a URI, which throws for half of a surrogate pair.
    return false;
  }
}
