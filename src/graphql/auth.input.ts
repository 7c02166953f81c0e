import { Field, InputType } from 'type-graphql';
import { Length } from 'class-validator';
import { IsAddress } from './text';

/** Characters. Longer than the policy allows, so that the policy's own message is answered. */
export const LONGEST_PASSWORD_INPUT = 1024;

@InputType({ description: 'The credentials of an account.' })
abstract class CredentialsInput {
  @IsAddress()
  @Field(() => String, { description: 'The email of the account. Case-insensitive.' })
  email!: string;

  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, {
    description: '8 to 128 characters of any kind. Common and easily guessed passwords are refused.',
  })
  password!: string;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Set to true in browsers: the refresh token goes into an HttpOnly cookie.',
  })
  useCookie?: boolean | null;
}

@InputType({ description: 'The email and password of a new account.' })
export class RegisterInput extends CredentialsInput {}

@InputType({ description: 'The email and password to sign in with.' })
export class LoginInput extends CredentialsInput {}

@InputType({ description: "The current user's old and new password." })
export class ChangePasswordInput {
  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, { description: 'The current password.' })
  currentPassword!: string;

  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, { description: 'The new password. The rules of registration apply.' })
  newPassword!: string;
}
