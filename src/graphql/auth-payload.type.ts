import { Field, ObjectType } from 'type-graphql';
import type { Grant } from '../actions/grant';
import type { Context } from './context';
import type { Receipt } from '../core/receipt';
import { type LogoutReceiptType, noteReceipt, ReceiptField } from './logout-receipt.type';
import { SessionType, toSessionType } from './session.type';
import { toUserType, UserType } from './user.type';

@ObjectType('AuthPayload', {
  description: 'Tokens, with the session and the user they belong to.',
  simpleResolvers: true,
})
export class AuthPayloadType {
  @Field(() => String, {
    description: 'The access token, a JWT (RFC 9068). Send it as "Authorization: Bearer …".',
  })
  accessToken!: string;

  @Field(() => Date, {
    description: 'When the access token expires. Refresh shortly before, or on TOKEN_EXPIRED.',
  })
  accessTokenExpiresAt!: Date;

  @Field(() => String, {
    nullable: true,
    description: 'The refresh token, for the next refresh. Null in cookie mode: it is in an HttpOnly cookie.',
  })
  refreshToken?: string;

  @Field(() => Date, { description: 'When the session expires if it is not refreshed before.' })
  refreshTokenExpiresAt!: Date;

  @Field(() => SessionType, { description: 'The session of these tokens.' })
  session!: SessionType;

  @Field(() => UserType, { description: 'The user who signed in.' })
  user!: UserType;

  @ReceiptField('What this ended: other sessions, or every token. Null if it ended nothing.')
  receipt?: LogoutReceiptType;
}

/**
 * Converts a grant to its GraphQL type. In cookie mode, sets the refresh token as a cookie instead.
 *
 * @param ended the receipt of what the mutation ended; by default of what the sign-in ended to make room
 */
export function toAuthPayload(
  grant: Grant,
  context: Context,
  ended: Receipt | undefined = grant.receipt,
): AuthPayloadType {
  const { session, user, refreshToken, refreshTokenExpiresAt } = grant;
  if (session.usesCookie) context.setRefreshCookie(refreshToken, refreshTokenExpiresAt);
  return {
    accessToken: grant.accessToken,
    accessTokenExpiresAt: grant.accessTokenExpiresAt,
    refreshToken: session.usesCookie ? undefined : refreshToken,
    refreshTokenExpiresAt,
    session: toSessionType(session, session.id),
    user: toUserType(user, session.id),
    receipt: noteReceipt(ended, context),
  };
}
