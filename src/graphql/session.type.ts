import { Field, ID, ObjectType } from 'type-graphql';
import type { Session } from '../core/account';
import { COST_OF_TEXT } from './limits';

@ObjectType('Session', {
  description: 'One login on one device. Ended and expired ones are not listed.',
  simpleResolvers: true,
})
export class SessionType {
  @Field(() => ID, { description: 'Names the session; every token of it carries this as "sid".' })
  id!: string;

  @Field(() => Boolean, { description: 'Whether it is the one that this request was made with.' })
  current!: boolean;

  @Field(() => String, {
    nullable: true,
    complexity: COST_OF_TEXT,
    description: 'What the device called itself at the last use.',
  })
  userAgent?: string;

  @Field(() => String, { nullable: true, description: 'The address at the last use.' })
  ipAddress?: string;

  @Field(() => Date, { description: 'When the user signed in.' })
  createdAt!: Date;

  @Field(() => Date, { description: 'When it was last refreshed, or begun.' })
  lastUsedAt!: Date;

  @Field(() => Date, { description: 'When it ends unless it is refreshed before.' })
  expiresAt!: Date;
}

/** @param currentId the session of the request, if it has one */
export function toSessionType(session: Session, currentId: string | undefined): SessionType {
  return {
    id: session.id,
    current: session.id === currentId,
    userAgent: session.userAgent,
    ipAddress: session.ipAddress,
    createdAt: session.createdAt,
    lastUsedAt: session.lastUsedAt,
    expiresAt: session.idleExpiresAt,
  };
}
