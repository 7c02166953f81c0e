import { buildMessage, isEmail, Length, Matches, ValidateBy } from 'class-validator';

/** The longest email (RFC 5321, section 4.5.3.1.3). */
const LONGEST_EMAIL = 254;

function isAddress(value: unknown): boolean {
  try {
    return typeof value === 'string' && value.length <= LONGEST_EMAIL && isEmail(value);
  } catch {
    // The library encodes it as a URI, which half of a character cannot be.
    return false;
  }
}

/** An email address of at most 254 characters. */
export const IsAddress = () =>
  ValidateBy({
    name: 'isAddress',
    validator: {
      validate: isAddress,
      defaultMessage: buildMessage((each) => `${each}$property must be an email address`),
    },
  });

/** Text of `shortest` to `longest` characters that a database can hold. */
export const IsText =
  (shortest: number, longest: number): PropertyDecorator =>
  (target, property) => {
    Length(shortest, longest)(target, property);
    // Postgres has no place for U+0000 in a text.
    Matches(/^[^\0]*$/, { message: '$property must not contain a null character' })(target, property);
  };
