import { IsOptional } from 'class-validator';
import { Arg, Args, ArgsType, Authorized, Ctx, Field, ID, Mutation, Resolver } from 'type-graphql';
import type { Actions } from '../actions/actions';
import type { ChangedUser } from '../actions/change-user';
import { LONGEST_REASON } from '../core/account';
import { requireUser } from '../guard/require-user';
import type { Context } from './context';
import { LogoutReceiptType, noteReceipt, toLogoutReceipt } from './logout-receipt.type';
import { Role } from './role.type';
import { SigningKeyType, toSigningKeyType } from './signing-key.type';
import { IsText } from './text';
import { toUserType, UserType } from './user.type';

@ArgsType()
class OptionalReason {
  @IsOptional()
  @IsText(0, LONGEST_REASON)
  @Field(() => String, { nullable: true, description: 'The reason, kept in the audit log.' })
  reason?: string;
}

@ArgsType()
export class UserAndReason extends OptionalReason {
  @Field(() => ID, { description: "The user's id." })
  userId!: string;
}

@ArgsType()
class SessionAndReason extends OptionalReason {
  @Field(() => ID, { description: 'The id of the session to end.' })
  sessionId!: string;
}

@ArgsType()
class RequiredReason {
  @IsText(1, LONGEST_REASON)
  @Field(() => String, { description: 'Required. The reason, kept in the audit log.' })
  reason!: string;
}

const toUser = ({ user, receipt }: ChangedUser, context: Context) =>
  toUserType(user, requireUser(context).sessionId, noteReceipt(receipt, context));

@Authorized(Role.ADMIN)
@Resolver()
export class AdminResolver {
  constructor(private readonly actions: Actions) {}

  @Mutation(() => LogoutReceiptType, { description: 'Ends every session and token of a user.' })
  async forceLogout(@Args() { userId, reason }: UserAndReason, @Ctx() context: Context) {
    return toLogoutReceipt(
      await this.actions.forceLogout(requireUser(context), userId, reason, context.client),
    );
  }

  @Mutation(() => LogoutReceiptType, { description: 'Ends one session of any user.' })
  async forceLogoutSession(@Args() { sessionId, reason }: SessionAndReason, @Ctx() context: Context) {
    return toLogoutReceipt(
      await this.actions.forceLogoutSession(requireUser(context), sessionId, reason, context.client),
    );
  }

  @Mutation(() => LogoutReceiptType, {
    description: 'Ends every session and token of all users, including this session.',
  })
  async forceLogoutAll(@Args() { reason }: RequiredReason, @Ctx() context: Context) {
    return toLogoutReceipt(await this.actions.forceLogoutAll(requireUser(context), reason, context.client));
  }

  @Mutation(() => UserType, {
    description:
      'Disables a user: ends all their sessions and tokens, and refuses sign-in until they are enabled.',
  })
  async disableUser(@Args() { userId, reason }: UserAndReason, @Ctx() context: Context) {
    return toUser(
      await this.actions.disableUser(requireUser(context), userId, reason, context.client),
      context,
    );
  }

  @Mutation(() => UserType, {
    description: 'Allows a disabled user to sign in again. Ended sessions stay ended.',
  })
  async enableUser(
    @Arg('userId', () => ID, { description: 'The user to enable.' }) userId: string,
    @Ctx() context: Context,
  ) {
    return toUser(await this.actions.enableUser(requireUser(context), userId, context.client), context);
  }

  @Mutation(() => UserType, {
    description:
      "Sets a user's role and revokes all their access tokens, which carry the old role. Sessions continue.",
  })
  async setRole(
    @Arg('userId', () => ID, { description: "The user's id." }) userId: string,
    @Arg('role', () => Role, { description: 'The new role.' }) role: Role,
    @Ctx() context: Context,
  ) {
    return toUser(await this.actions.setRole(requireUser(context), userId, role, context.client), context);
  }

  @Mutation(() => SigningKeyType, {
    description:
      'Publishes a new signing key. It signs from "signsFrom" on; until then, further calls return the same key. ' +
      'Also makes a new key for refresh tokens. Older refresh tokens stay good.',
  })
  async rotateSigningKey(
    @Arg('revokeOld', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description:
        'Set to true to revoke all other keys and every token they signed. The new key then signs at once. ' +
        'Sessions continue.',
    })
    revokeOld: boolean | null,
    @Ctx() context: Context,
  ) {
    const { key, signsFrom, receipt } = await this.actions.rotateSigningKey(
      requireUser(context),
      revokeOld ?? false,
      context.client,
    );
    return toSigningKeyType(key, signsFrom, noteReceipt(receipt, context));
  }
}
