import { Length, Matches, ValidateBy } from 'class-validator';
import { isAddress } from '../actions/is-address';
import { hasInvisible } from '../core/email';

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
