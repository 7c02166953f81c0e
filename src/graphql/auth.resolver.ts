import { Arg, Authorized, createParameterDecorator, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { Actions } from '../actions/actions';
import { requireUser } from '../guard/require-user';
import { ChangePasswordInput, LoginInput, RegisterInput } from './auth.input';
import { AuthPayloadType, toAuthPayload } from './auth-payload.type';
import type { Context } from './context';
import { LogoutReceiptType, toLogoutReceipt } from './logout-receipt.type';

/** The input as GraphQL read it. The class has only our own fields, and an application may have added others. */
const WholeInput = () =>
  createParameterDecorator<Context>(({ args }) => args.input as Record<string, unknown>);

/** Returns the whole input without the password, which no hook gets. */
const withoutPassword = (whole: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(whole).filter(([name]) => name !== 'password'));

/** Mutations for the caller's own account. The first four need no access token. */
@Resolver()
export class AuthResolver {
  constructor(private readonly actions: Actions) {}

  @Mutation(() => AuthPayloadType, { description: 'Creates an account and signs in.' })
  async register(
    @Arg('input', () => RegisterInput, { description: 'The email and password of the new account.' })
    { email, password, useCookie }: RegisterInput,
    @WholeInput() whole: Record<string, unknown>,
    @Ctx() context: Context,
  ) {
    return toAuthPayload(
      await this.actions.register(
        { email, password, useCookie, input: withoutPassword(whole) },
        context.client,
      ),
      context,
    );
  }

  @Mutation(() => AuthPayloadType, { description: 'Signs in and starts a session.' })
  async login(
    @Arg('input', () => LoginInput, { description: 'The email and password to sign in with.' })
    input: LoginInput,
    @Ctx() context: Context,
  ) {
    return toAuthPayload(await this.actions.login(input, context.client), context);
  }

  @Mutation(() => AuthPayloadType, {
    description:
      'Exchanges a refresh token for new tokens. Repeated within 10 seconds, it returns the same next refresh token. ' +
      'Any older refresh token counts as stolen and ends its session.',
  })
  async refresh(
    @Arg('refreshToken', () => String, {
      nullable: true,
      description: 'The refresh token. Omit it in cookie mode.',
    })
    refreshToken: string | undefined,
    @Ctx() context: Context,
  ) {
    return toAuthPayload(await this.actions.refresh(refreshToken ?? undefined, context), context);
  }

  @Mutation(() => LogoutReceiptType, {
    description:
      'Ends the current session and all its tokens. Accepts an expired or revoked token, unless its key was revoked.',
  })
  async logout(@Ctx() context: Context) {
    const receipt = await this.actions.logout(context);
    // After the logout: if it fails, a second attempt needs the cookie.
    context.clearRefreshCookie();
    return toLogoutReceipt(receipt);
  }

  @Authorized()
  @Mutation(() => LogoutReceiptType, { description: "Ends one of the current user's sessions." })
  async logoutSession(
    @Arg('sessionId', () => ID, { description: 'The id of the session to end.' }) sessionId: string,
    @Ctx() context: Context,
  ) {
    return toLogoutReceipt(await this.actions.logoutSession(requireUser(context), sessionId, context.client));
  }

  @Authorized()
  @Mutation(() => AuthPayloadType, {
    description:
      "Ends the current user's other sessions, and every token. Returns new tokens for this session. Its earlier " +
      'refresh tokens become unknown.',
  })
  async logoutOthers(@Ctx() context: Context) {
    const { grant, receipt } = await this.actions.logoutOthers(requireUser(context), context.client);
    return toAuthPayload(grant, context, receipt);
  }

  @Authorized()
  @Mutation(() => LogoutReceiptType, {
    description: 'Ends every session and token of the current user, including this session.',
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
    description:
      'Sets a new password. Ends all other sessions, and every token. Returns new tokens for this session. Its earlier ' +
      'refresh tokens become unknown.',
  })
  async changePassword(
    @Arg('input', () => ChangePasswordInput, { description: 'The old and the new password.' })
    input: ChangePasswordInput,
    @Ctx() context: Context,
  ) {
    const { grant, receipt } = await this.actions.changePassword(requireUser(context), input, context.client);
    return toAuthPayload(grant, context, receipt);
  }

  @Authorized()
  @Mutation(() => AuthPayloadType, {
    description:
      'Confirms the password in this session. Returns new tokens for it, which count as a recent sign-in. Its earlier ' +
      'refresh tokens become unknown; nothing else ends.',
  })
  async confirmPassword(
    @Arg('password', () => String, { description: 'The password of the account.' }) password: string,
    @Ctx() context: Context,
  ) {
    return toAuthPayload(
      await this.actions.confirmPassword(requireUser(context), password, context.client),
      context,
    );
  }

  @Authorized()
  @Mutation(() => LogoutReceiptType, {
    description: "Permanently deletes the current user's account, and ends all its sessions and tokens.",
  })
  async deleteAccount(
    @Arg('password', () => String, { description: 'The password of the account.' }) password: string,
    @Ctx() context: Context,
  ) {
    const principal = requireUser(context);
    const keepsCookie = await this.actions.hasForeignCookie(context, principal.userId);
    const receipt = await this.actions.deleteAccount(principal, password, context.client);
    if (!keepsCookie) context.clearRefreshCookie();
    return toLogoutReceipt(receipt);
  }
}
