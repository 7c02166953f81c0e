import { Arg, Args, Authorized, Ctx, Mutation, Resolver } from 'type-graphql';
import type { Actions } from '../actions/actions';
import type { User } from '../core/account';
import { requireUser } from '../guard/require-user';
import { AuthPayloadType, toAuthPayload } from './auth-payload.type';
import type { Context } from './context';
import { AcceptInvitationInput, EmailArgs, EmailChangeInput, ResetPasswordInput, TOKEN } from './link.input';
import { type LogoutReceiptType, noteReceipt } from './logout-receipt.type';
import { toUserType, UserType } from './user.type';

/** The holder of a link sees the user's sessions only if signed in as that user. */
const toLinkUser = (user: User, { auth }: Context, receipt?: LogoutReceiptType) => {
  const isOwn = auth.ok && auth.principal.userId === user.id;
  return toUserType(user, isOwn ? auth.principal.sessionId : undefined, receipt);
};

/** Mutations that mail links, and those that use them. */
@Resolver()
export class LinkResolver {
  constructor(private readonly actions: Actions) {}

  @Mutation(() => Boolean, {
    description:
      'Mails a link to set a new password, if an account has this email. Always answers true: nothing tells whether ' +
      'one has.',
  })
  requestPasswordReset(@Args() { email }: EmailArgs, @Ctx() { client }: Context) {
    return this.actions.requestPasswordReset(email, client);
  }

  @Mutation(() => AuthPayloadType, {
    description:
      'Sets a new password by the link of a mail. Ends every session and token of the account, and signs in.',
  })
  async resetPassword(
    @Arg('input', () => ResetPasswordInput, { description: 'The link and the new password.' })
    input: ResetPasswordInput,
    @Ctx() context: Context,
  ) {
    const { grant, receipt } = await this.actions.resetPassword(input, context.client);
    return toAuthPayload(grant, context, receipt);
  }

  @Authorized()
  @Mutation(() => Boolean, {
    description: "Mails a link that verifies the current user's email. False if it is verified already.",
  })
  requestEmailVerification(@Ctx() context: Context) {
    return this.actions.requestEmailVerification(requireUser(context), context.client);
  }

  @Mutation(() => UserType, {
    description: 'Verifies an email by the link of a mail. Sessions and tokens live on.',
  })
  async verifyEmail(
    @Arg('token', () => String, { description: TOKEN }) token: string,
    @Ctx() context: Context,
  ) {
    return toLinkUser(await this.actions.verifyEmail(token, context.client), context);
  }

  @Authorized()
  @Mutation(() => Boolean, {
    description:
      'Mails a link to the new address, which changes the email, and a notice to the current one. Always answers ' +
      'true: nothing tells whether another account has the new address.',
  })
  requestEmailChange(
    @Arg('input', () => EmailChangeInput, { description: 'The new email and the password.' })
    input: EmailChangeInput,
    @Ctx() context: Context,
  ) {
    return this.actions.requestEmailChange(requireUser(context), input, context.client);
  }

  @Mutation(() => UserType, {
    description:
      'Changes the email by the link to the new address. The notice to the old address has a link that undoes this ' +
      'for 7 days; it also removes the password, and mails a link to set a new one. Both end every session and token.',
  })
  async confirmEmailChange(
    @Arg('token', () => String, { description: TOKEN }) token: string,
    @Ctx() context: Context,
  ) {
    const { user, receipt } = await this.actions.confirmEmailChange(token, context.client);
    return toLinkUser(user, context, noteReceipt(receipt, context));
  }

  @Mutation(() => AuthPayloadType, {
    description: 'Sets the first password of an invited account by the link of its mail, and signs in.',
  })
  async acceptInvitation(
    @Arg('input', () => AcceptInvitationInput, { description: 'The link and the first password.' })
    input: AcceptInvitationInput,
    @Ctx() context: Context,
  ) {
    const { grant, receipt } = await this.actions.acceptInvitation(input, context.client);
    return toAuthPayload(grant, context, receipt);
  }
}
