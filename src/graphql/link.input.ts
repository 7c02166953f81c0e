import { Length } from 'class-validator';
import { ArgsType, Field, InputType } from 'type-graphql';
import { LONGEST_PASSWORD_INPUT } from './auth.input';
import { IsAddress } from './text';

// The tokens have no rules here: one of a wrong form is a link that is not good, as any other.

export const TOKEN = 'The token of the link, after "#token=".';
const USE_COOKIE = 'Set to true in browsers: the refresh token goes into an HttpOnly cookie.';

@ArgsType()
export class EmailArgs {
  @IsAddress()
  @Field(() => String, { description: 'The email of the account. Case-insensitive.' })
  email!: string;
}

@InputType({ description: 'The link of a mail, and the new password.' })
export class ResetPasswordInput {
  @Field(() => String, { description: TOKEN })
  token!: string;

  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, { description: 'The new password. The rules of registration apply.' })
  newPassword!: string;

  @Field(() => Boolean, { nullable: true, defaultValue: false, description: USE_COOKIE })
  useCookie?: boolean | null;
}

@InputType({ description: 'The link of an invitation, and the first password.' })
export class AcceptInvitationInput {
  @Field(() => String, { description: TOKEN })
  token!: string;

  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, { description: 'The first password. The rules of registration apply.' })
  password!: string;

  @Field(() => Boolean, { nullable: true, defaultValue: false, description: USE_COOKIE })
  useCookie?: boolean | null;
}

@InputType({ description: "The new email, and the current user's password." })
export class EmailChangeInput {
  @IsAddress()
  @Field(() => String, { description: 'The new email. Its address gets the link.' })
  newEmail!: string;

  @Length(0, LONGEST_PASSWORD_INPUT)
  @Field(() => String, { description: 'The current password.' })
  password!: string;
}
