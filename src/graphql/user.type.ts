import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { User } from '../core/account';
import { Role } from './role.type';

@ObjectType('User', { description: 'An account.', simpleResolvers: true })
export class UserType {
  @Field(() => ID, { description: 'Names the user for ever; the "sub" of every token.' })
  id!: string;

  @Field(() => String, {
    description: 'The email as it was given. Letter case does not count when signing in.',
  })
  email!: string;

  @Field(() => Role, { description: 'What the user may do.' })
  role!: Role;

  @Field(() => Int, {
    description: 'The counter that every token must match. It only grows; a logout everywhere raises it.',
  })
  tokenVersion!: number;

  @Field(() => Boolean, { description: 'Whether an administrator keeps the user out.' })
  disabled!: boolean;

  @Field(() => Date, { description: 'When the account was made.' })
  createdAt!: Date;

  /** The session that the request was made with, or that it has just begun; no field. */
  currentSessionId?: string;
}

export function toUserType(user: User, currentSessionId: string | undefined): UserType {
  const { id, email, role, tokenVersion, disabled, createdAt } = user;
  return Object.assign(new UserType(), {
    id,
    email,
    role: role as Role,
    tokenVersion,
    disabled,
    createdAt,
    currentSessionId,
  });
}
