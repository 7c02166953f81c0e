import { buildMessage, isEmail, Length, Matches, ValidateBy } from 'class-validator';
import { emailKey, hasInvisible, LONGEST_EMAIL } from '../core/email';

function isAddress(value: unknown): boolean {
  try {
    return (
      typeof value === 'string' &&
      value.length <= LONGEST_EMAIL &&
      isEmail(value) &&
      // Folding makes some characters long, and an index has an end.
      emailKey(value).length <= LONGEST_EMAIL
    );
  } catch {
    // The library encodes it as a URI, which half of a character cannot be.
    return false;
  }
}

const isVisible = (value: unknown) => !(typeof value === 'string' && hasInvisible(value));

/** An email address of at most 254 characters, each of which can be seen. */
export const IsAddress = (): PropertyDecorator => (target, property) => {
  const rule = (name: string, validate: (value: unknown) => boolean, text: string) =>
    ValidateBy({
      name,
      validator: { validate, defaultMessage: buildMessage((each) => `${each}$property ${text}`) },
    })(target, property);
  rule('isVisible', isVisible, 'must not contain spaces or invisible characters');
  rule('isAddress', isAddress, 'must be an email address');
};

/** Text of `shortest` to `longest` characters that a database can hold. */
export const IsText =
  (shortest: number, longest: number): PropertyDecorator =>
  (target, property) => {
    Length(shortest, longest)(target, property);
    // Postgres has no place for U+0000 in a text.
    Matches(/^[^\0]*$/, { message: '$property must not contain a null character' })(target, property);
  };
