import { isEmail, Length, Matches, ValidateBy } from 'class-validator';
import { emailKey, hasInvisible, LONGEST_EMAIL } from '../core/email';

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

const isVisible = (value: unknown) => !(typeof value === 'string' && hasInvisible(value));

/** Validates an email address: at most 254 characters, all of them visible. */
export const IsAddress = (): PropertyDecorator => (target, property) => {
  const rule = (name: string, validate: (value: unknown) => boolean, text: string) =>
    ValidateBy({ name, validator: { validate } }, { message: `$property ${text}` })(target, property);
  rule('isVisible', isVisible, 'must not contain spaces or invisible characters');
  rule('isAddress', isAddress, 'must be an email address');
};

/** Validates a text of `shortest` to `longest` characters that Postgres can store. */
export const IsText =
  (shortest: number, longest: number): PropertyDecorator =>
  (target, property) => {
    Length(shortest, longest)(target, property);
    // Postgres cannot store U+0000 in a text.
    Matches(/^[^\0]*$/, { message: '$property must not contain a null character' })(target, property);
  };
