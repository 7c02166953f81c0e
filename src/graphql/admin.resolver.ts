import { IsOptional } from 'class-validator';
import { Arg, Args, ArgsType, Authorized, Ctx, Field, ID, Mutation, Resolver } from 'type-graphql';
import type { Actions } from '../actions/actions';
import type { ChangedUser } from '../actions/change-user';
import { requireUser } from '../guard/require-user';
import type { Context } from './context';
import { COST_OF_MUTATION as complexity } from './limits';
import { LogoutReceiptType, noteReceipt, toLogoutReceipt } from './logout-receipt.type';
import { Role } from './role.type';
import { SigningKeyType, toSigningKeyType } from './signing-key.type';
import { IsText } from './text';
import { toUserType, UserType } from './user.type';

const LONGEST_REASON = 500;

@ArgsType()
class OptionalReason {
  @IsOptional()
  @IsText(0, LONGEST_REASON)
  @Field(() => String, { nullable: true, description: 'For the audit log.' })
  reason?: string;
}

@ArgsType()
class UserAndReason extends OptionalReason {
  @Field(() => ID, { description: 'Whose.' })
  userId!: string;
}

@ArgsType()
class SessionAndReason extends OptionalReason {
  @Field(() => ID, { description: 'Which one.' })
  sessionId!: string;
}

@ArgsType()
class RequiredReason {
  @IsText(1, LONGEST_REASON)
  @Field(() => String, { description: 'For the audit log. It has to be said.' })
  reason!: string;
}

const toUser = ({ user, receipt }: ChangedUser, context: Context) => {
  noteReceipt(receipt, context);
  return toUserType(user, requireUser(context).sessionId);
};

/** What administrators do to the sign-in of others. */
@Authorized(Role.ADMIN)
@Resolver()
export class AdminResolver {
  constructor(private readonly actions: Actions) {}

  @Mutation(() => LogoutReceiptType, { complexity, description: 'Ends all sessions and tokens of a user.' })
  async forceLogout(@Args(() => UserAndReason) { userId, reason }: UserAndReason, @Ctx() context: Context) {
    return toLogoutReceipt(
      await this.actions.forceLogout(requireUser(context), userId, reason, context.client),
    );
  }

  @Mutation(() => LogoutReceiptType, { complexity, description: 'Ends one session, whoever has it.' })
  async forceLogoutSession(
    @Args(() => SessionAndReason) { sessionId, reason }: SessionAndReason,
    @Ctx() context: Context,
  ) {
    return toLogoutReceipt(
      await this.actions.forceLogoutSession(requireUser(context), sessionId, reason, context.client),
    );
  }

  @Mutation(() => LogoutReceiptType, {
    complexity,
    description: 'Ends all sessions and tokens of everyone, this one included.',
  })
  async forceLogoutAll(@Args(() => RequiredReason) { reason }: RequiredReason, @Ctx() context: Context) {
    return toLogoutReceipt(await this.actions.forceLogoutAll(requireUser(context), reason, context.client));
  }

  @Mutation(() => UserType, {
    complexity,
    description:
      'Keeps a user out and ends all their sessions and tokens. Enabling them again revives nothing.',
  })
  async disableUser(@Args(() => UserAndReason) { userId, reason }: UserAndReason, @Ctx() context: Context) {
    return toUser(
      await this.actions.disableUser(requireUser(context), userId, reason, context.client),
      context,
    );
  }

  @Mutation(() => UserType, { complexity, description: 'Lets a user sign in again.' })
  async enableUser(
    @Arg('userId', () => ID, { description: 'Whom.' }) userId: string,
    @Ctx() context: Context,
  ) {
    return toUser(await this.actions.enableUser(requireUser(context), userId, context.client), context);
  }

  @Mutation(() => UserType, {
    complexity,
    description:
      'Gives a user another role and ends all their tokens, which carry the old one. Sessions go on.',
  })
  async setRole(
    @Arg('userId', () => ID, { description: 'Whose.' }) userId: string,
    @Arg('role', () => Role, { description: 'The role from now on.' }) role: Role,
    @Ctx() context: Context,
  ) {
    return toUser(await this.actions.setRole(requireUser(context), userId, role, context.client), context);
  }

  @Mutation(() => SigningKeyType, {
    complexity,
    description:
      'Publishes a new signing key, which signs from "signsFrom" on. Until then, answers the same key again.',
  })
  async rotateSigningKey(
    @Arg('revokeOld', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description:
        'Revoke all other keys with every token that they signed, and sign with the new key at once. Sessions go on.',
    })
    revokeOld: boolean | null,
    @Ctx() context: Context,
  ) {
    const { key, signsFrom, receipt } = await this.actions.rotateSigningKey(
      requireUser(context),
      revokeOld ?? false,
      context.client,
    );
    noteReceipt(receipt, context);
    return toSigningKeyType(key, signsFrom);
  }
}
