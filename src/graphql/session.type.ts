import { Field, ID, ObjectType } from 'type-graphql';
import type { Session } from '../core/account';
import { COST_OF_TEXT } from './query-limits';

@ObjectType('Session', {
  description: 'A live session: one sign-in on one device. Ended and expired sessions are not listed.',
  simpleResolvers: true,
})
export class SessionType {
  @Field(() => ID, { description: 'The session\'s id. Its tokens carry it as "sid".' })
  id!: string;

  @Field(() => Boolean, { description: 'Whether this is the session of the current request.' })
  current!: boolean;

  @Field(() => String, {
    nullable: true,
    complexity: COST_OF_TEXT,
    description: 'The User-Agent at sign-in or the last refresh.',
  })
  userAgent?: string;

  @Field(() => String, { nullable: true, description: 'The IP address at sign-in or the last refresh.' })
  ipAddress?: string;

  @Field(() => Date, { description: 'When the user signed in.' })
  createdAt!: Date;

  @Field(() => Date, { description: 'When the session was last refreshed, or started.' })
  lastUsedAt!: Date;

  @Field(() => Date, { description: 'When the session expires if it is not refreshed before.' })
  expiresAt!: Date;
}

/** @param currentId the session of the request, if it has one */
export function toSessionType(session: Session, currentId: string | undefined): SessionType {
  return { ...session, current: session.id === currentId, expiresAt: session.idleExpiresAt };
}
