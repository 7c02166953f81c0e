import { Field, ObjectType } from 'type-graphql';
import type { Grant } from '../actions/grant';
import type { Context } from './context';
import { noteReceipt } from './logout-receipt.type';
import { SessionType, toSessionType } from './session.type';
import { toUserType, UserType } from './user.type';

@ObjectType('AuthPayload', {
  description: 'What a client gets when it signs in or refreshes.',
  simpleResolvers: true,
})
export class AuthPayloadType {
  @Field(() => String, { description: 'A JWT (RFC 9068). Send it as "Authorization: Bearer …".' })
  accessToken!: string;

  @Field(() => Date, {
    description: 'When the access token ends. Refresh shortly before, or when it is refused as expired.',
  })
  accessTokenExpiresAt!: Date;

  @Field(() => String, {
    nullable: true,
    description:
      'Good for one refresh. Null in cookie mode, where it lies in a cookie that scripts cannot read.',
  })
  refreshToken?: string;

  @Field(() => Date, { description: 'When the session ends unless it is refreshed before.' })
  refreshTokenExpiresAt!: Date;

  @Field(() => SessionType, { description: 'The session that these tokens belong to.' })
  session!: SessionType;

  @Field(() => UserType, { description: 'Who signed in.' })
  user!: UserType;
}

/** Hands a grant to the client, its refresh token by cookie where the session was begun that way. */
export function toAuthPayload(grant: Grant, context: Context): AuthPayloadType {
  const { session, user, refreshToken, refreshTokenExpiresAt } = grant;
  noteReceipt(grant.receipt, context);
  if (session.usesCookie) context.setRefreshCookie(refreshToken, refreshTokenExpiresAt);
  return {
    accessToken: grant.accessToken,
    accessTokenExpiresAt: grant.accessTokenExpiresAt,
    refreshToken: session.usesCookie ? undefined : refreshToken,
    refreshTokenExpiresAt,
    session: toSessionType(session, session.id),
    user: toUserType(user, session.id),
  };
}
