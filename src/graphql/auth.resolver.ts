import { Arg, Authorized, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { Actions } from '../actions/actions';
import { requireUser } from '../guard/require-user';
import { ChangePasswordInput, LoginInput, RegisterInput } from './auth.input';
import { AuthPayloadType, toAuthPayload } from './auth-payload.type';
import type { Context } from './context';
import { LogoutReceiptType, noteReceipt, toLogoutReceipt } from './logout-receipt.type';
import { COST_OF_MUTATION as complexity } from './limits';

/** What users do with their own sign-in. The first four need no token. */
@Resolver()
export class AuthResolver {
  constructor(private readonly actions: Actions) {}

  @Mutation(() => AuthPayloadType, { complexity, description: 'Makes an account and signs it in.' })
  async register(
    @Arg('input', () => RegisterInput, { description: 'The new account.' }) input: RegisterInput,
    @Ctx() context: Context,
  ) {
    return toAuthPayload(await this.actions.register(input, context.client), context);
  }

  @Mutation(() => AuthPayloadType, { complexity, description: 'Begins a session.' })
  async login(
    @Arg('input', () => LoginInput, { description: 'Who wants to sign in.' }) input: LoginInput,
    @Ctx() context: Context,
  ) {
    return toAuthPayload(await this.actions.login(input, context.client), context);
  }

  @Mutation(() => AuthPayloadType, {
    complexity,
    description:
      'Exchanges a refresh token for a new pair of tokens. One that was used before ends its session.',
  })
  async refresh(
    @Arg('refreshToken', () => String, { nullable: true, description: 'Left out in cookie mode.' })
    refreshToken: string | undefined,
    @Ctx() context: Context,
  ) {
    return toAuthPayload(await this.actions.refresh(refreshToken ?? undefined, context), context);
  }

  @Mutation(() => LogoutReceiptType, {
    complexity,
    description:
      'Ends this session with all its tokens. An expired token will do, and a revoked one is no error.',
  })
  async logout(@Ctx() context: Context) {
    const receipt = await this.actions.logout(context);
    // Only now: should the logout fail, then the cookie is what a second attempt needs.
    context.clearRefreshCookie();
    return toLogoutReceipt(receipt);
  }

  @Authorized()
  @Mutation(() => LogoutReceiptType, { complexity, description: 'Ends one of my sessions.' })
  async logoutSession(
    @Arg('sessionId', () => ID, { description: 'Which one.' }) sessionId: string,
    @Ctx() context: Context,
  ) {
    return toLogoutReceipt(await this.actions.logoutSession(requireUser(context), sessionId, context.client));
  }

  @Authorized()
  @Mutation(() => AuthPayloadType, {
    complexity,
    description: 'Ends all my other sessions, and every token; this session goes on with the new ones.',
  })
  async logoutOthers(@Ctx() context: Context) {
    const { grant, receipt } = await this.actions.logoutOthers(requireUser(context), context.client);
    noteReceipt(receipt, context);
    return toAuthPayload(grant, context);
  }

  @Authorized()
  @Mutation(() => LogoutReceiptType, {
    complexity,
    description: 'Ends all my sessions and tokens, this one included.',
  })
  async logoutEverywhere(@Ctx() context: Context) {
    const principal = requireUser(context);
    const keepsCookie = await this.actions.hasForeignCookie(context, principal.userId);
    const receipt = await this.actions.logoutEverywhere(principal, context.client);
    if (!keepsCookie) context.clearRefreshCookie();
    return toLogoutReceipt(receipt);
  }

  @Authorized()
  @Mutation(() => AuthPayloadType, {
    complexity,
    description: 'Sets a new password and ends all my other sessions, and every token; this session goes on.',
  })
  async changePassword(
    @Arg('input', () => ChangePasswordInput, { description: 'The old and the new one.' })
    input: ChangePasswordInput,
    @Ctx() context: Context,
  ) {
    const { grant, receipt } = await this.actions.changePassword(requireUser(context), input, context.client);
    noteReceipt(receipt, context);
    return toAuthPayload(grant, context);
  }

  @Authorized()
  @Mutation(() => LogoutReceiptType, {
    complexity,
    description: 'Deletes my account, for good, with all its sessions and tokens.',
  })
  async deleteAccount(
    @Arg('password', () => String, { description: 'My password.' }) password: string,
    @Ctx() context: Context,
  ) {
    const principal = requireUser(context);
    const keepsCookie = await this.actions.hasForeignCookie(context, principal.userId);
    const receipt = await this.actions.deleteAccount(principal, password, context.client);
    if (!keepsCookie) context.clearRefreshCookie();
    return toLogoutReceipt(receipt);
  }
}
