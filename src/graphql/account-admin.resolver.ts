import { Arg, Args, ArgsType, Authorized, Ctx, Field, ID, Mutation, Resolver } from 'type-graphql';
import type { Actions } from '../actions/actions';
import { requireUser } from '../guard/require-user';
import { UserAndReason } from './admin.resolver';
import type { Context } from './context';
import { LogoutReceiptType, toLogoutReceipt } from './logout-receipt.type';
import { Role } from './role.type';
import { IsAddress } from './text';
import { toUserType, UserType } from './user.type';

@ArgsType()
class Invitation {
  @IsAddress()
  @Field(() => String, { description: 'The address to invite.' })
  email!: string;

  @Field(() => Role, { nullable: true, defaultValue: Role.USER, description: 'The role of the account.' })
  role?: Role | null;
}

/** Mutations by which administrators let users in, and remove them. */
@Authorized(Role.ADMIN)
@Resolver()
export class AccountAdminResolver {
  constructor(private readonly actions: Actions) {}

  @Mutation(() => UserType, {
    description:
      'Mails an invitation, by whose link the user sets a password. Inviting again sends a new link and ends the old ' +
      'one. The account exists from now on; deleteUser withdraws it.',
  })
  async inviteUser(@Args() { email, role }: Invitation, @Ctx() context: Context) {
    const principal = requireUser(context);
    const user = await this.actions.inviteUser(principal, email, role ?? Role.USER, context.client);
    return toUserType(user, principal.sessionId);
  }

  @Mutation(() => LogoutReceiptType, {
    description: 'Permanently deletes a user, and ends all their sessions, tokens and links.',
  })
  async deleteUser(@Args() { userId, reason }: UserAndReason, @Ctx() context: Context) {
    return toLogoutReceipt(
      await this.actions.deleteUser(requireUser(context), userId, reason, context.client),
    );
  }

  @Mutation(() => Boolean, {
    description: 'Mails a user the link to set a new password. Always true.',
  })
  async sendPasswordReset(
    @Arg('userId', () => ID, { description: "The user's id." }) userId: string,
    @Ctx() context: Context,
  ) {
    await this.actions.sendPasswordReset(requireUser(context), userId, context.client);
    return true;
  }
}
