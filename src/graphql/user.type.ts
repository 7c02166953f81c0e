import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { User } from '../core/account';
import { type LogoutReceiptType, ReceiptField } from './logout-receipt.type';
import { Role } from './role.type';

@ObjectType('User', { description: 'A user account.', simpleResolvers: true })
export class UserType {
  @Field(() => ID, { description: 'The user\'s id, which never changes. Tokens carry it as "sub".' })
  id!: string;

  @Field(() => String, { description: 'The email, spelled as at registration. Sign-in is case-insensitive.' })
  email!: string;

  @Field(() => Boolean, { description: 'Whether the user has shown that the address is theirs.' })
  emailVerified!: boolean;

  @Field(() => Role, { description: "The user's role." })
  role!: string;

  @Field(() => Int, {
    description:
      'The counter that access tokens must match. Logging out everywhere raises it; it never falls.',
  })
  tokenVersion!: number;

  @Field(() => Boolean, { description: 'Whether an administrator has disabled the account.' })
  disabled!: boolean;

  @Field(() => Date, { description: 'When the account was created.' })
  createdAt!: Date;

  @ReceiptField('In the result of a mutation: what it ended. Null everywhere else.')
  receipt?: LogoutReceiptType;

  /** The session of the request, or the one it has just started. Not in the schema. */
  currentSessionId?: string;
}

/** @param receipt of what the mutation ended that answers this user */
export function toUserType(
  user: User,
  currentSessionId: string | undefined,
  receipt?: LogoutReceiptType,
): UserType {
  const { id, email, emailVerified, role, tokenVersion, disabled, createdAt } = user;
  return { id, email, emailVerified, role, tokenVersion, disabled, createdAt, currentSessionId, receipt };
}
