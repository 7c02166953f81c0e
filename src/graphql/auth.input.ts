import { Field, InputType } from 'type-graphql';
import { Length } from 'class-validator';
import { IsAddress } from './text';

/** Longer than any password that is taken, so that the policy speaks, and short enough to cost nothing. */
const LONGEST_PASSWORD_INPUT = 1024;

@InputType({ description: 'What both of them say.' })
abstract class CredentialsInput {
  @IsAddress()
  @Field(() => String, { description: 'The email of the account. Letter case does not count.' })
  email!: string;

  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, {
    description: 'Exactly as it was chosen: 8 to 128 characters, any at all, but none that is guessed first.',
  })
  password!: string;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Keep the refresh token in a cookie that scripts cannot read, for browsers.',
  })
  useCookie?: boolean | null;
}

@InputType({ description: 'A new account.' })
export class RegisterInput extends CredentialsInput {}

@InputType({ description: 'Who wants to sign in.' })
export class LoginInput extends CredentialsInput {}

@InputType({ description: 'A change of the own password.' })
export class ChangePasswordInput {
  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, { description: 'The password until now.' })
  currentPassword!: string;

  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, {
    description: 'The password from now on, under the same rules as for a new account.',
  })
  newPassword!: string;
}
