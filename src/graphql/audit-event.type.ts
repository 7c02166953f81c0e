import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { AUDIT_EVENT_TYPES, type AuditEvent, type AuditEventType as Type } from '../core/account';
import { COST_OF_TEXT } from './limits';

export const AuditEventTypeEnum = Object.fromEntries(AUDIT_EVENT_TYPES.map((type) => [type, type])) as {
  [T in Type]: T;
};

registerEnumType(AuditEventTypeEnum, {
  name: 'AuditEventType',
  description: 'What can happen to an account, or to all of them.',
  valuesConfig: Object.fromEntries(
    AUDIT_EVENT_TYPES.map((type) => [
      type,
      { description: `${type[0] ?? ''}${type.slice(1).toLowerCase().replaceAll('_', ' ')}.` },
    ]),
  ),
});

@ObjectType('AuditEvent', {
  description: 'One thing that happened. Kept when the account is deleted.',
  simpleResolvers: true,
})
export class AuditEventType {
  @Field(() => ID, { description: 'Unique; tells no order. The list is in order of time.' })
  id!: string;

  @Field(() => AuditEventTypeEnum, { description: 'What happened.' })
  type!: Type;

  @Field(() => Date, { description: 'When.' })
  createdAt!: Date;

  @Field(() => ID, { nullable: true, description: 'Whom it happened to.' })
  userId?: string;

  @Field(() => ID, { nullable: true, description: 'Who did it, where that is known.' })
  actorId?: string;

  @Field(() => ID, { nullable: true, description: 'The session that it happened in, or to.' })
  sessionId?: string;

  @Field(() => String, {
    nullable: true,
    complexity: COST_OF_TEXT,
    description: 'Why, in the words of who did it.',
  })
  reason?: string;

  @Field(() => String, { nullable: true, description: 'The address that the request came from.' })
  ipAddress?: string;

  @Field(() => String, {
    nullable: true,
    complexity: COST_OF_TEXT,
    description: 'The User-Agent of the request, at most 400 characters.',
  })
  userAgent?: string;

  @Field(() => String, {
    nullable: true,
    description: 'The id that the request has in the log and in the x-request-id header.',
  })
  requestId?: string;
}

export const toAuditEventType = (event: AuditEvent): AuditEventType => event;
