import { Field, ID, ObjectType } from 'type-graphql';
import { AUDIT_EVENT_TYPES, type AuditEvent, type AuditEventType as Type } from '../core/account';
import { COST_OF_TEXT } from './query-limits';
import { registeredEnum } from './registered-enum';

/** Writes `USER_REGISTERED` as "User registered." */
const describe = (type: Type) => `${type[0] ?? ''}${type.slice(1).toLowerCase().replaceAll('_', ' ')}.`;

const AuditEventTypeEnum = registeredEnum<Type>(
  'AuditEventType',
  'The type of an audit event.',
  Object.fromEntries(AUDIT_EVENT_TYPES.map((type) => [type, describe(type)])) as Record<Type, string>,
);

@ObjectType('AuditEvent', {
  description: 'One entry of the audit log. Kept when the account is deleted.',
  simpleResolvers: true,
})
export class AuditEventType implements AuditEvent {
  @Field(() => ID, { description: 'The unique id of the event. Ids are not in order.' })
  id!: string;

  @Field(() => AuditEventTypeEnum, { description: 'What happened.' })
  type!: Type;

  @Field(() => Date, { description: 'When it happened.' })
  createdAt!: Date;

  @Field(() => ID, { nullable: true, description: 'The user it happened to.' })
  userId?: string;

  @Field(() => ID, { nullable: true, description: 'The user who did it, if known.' })
  actorId?: string;

  @Field(() => ID, { nullable: true, description: 'The session it happened in, or that was ended.' })
  sessionId?: string;

  @Field(() => String, {
    nullable: true,
    complexity: COST_OF_TEXT,
    description: 'The reason: given by the administrator, or details from the server.',
  })
  reason?: string;

  @Field(() => String, { nullable: true, description: 'The IP address of the client.' })
  ipAddress?: string;

  @Field(() => String, {
    nullable: true,
    complexity: COST_OF_TEXT,
    description: 'The User-Agent of the client, at most 400 characters.',
  })
  userAgent?: string;

  @Field(() => String, {
    nullable: true,
    description: 'The id of the request, as in the server log and the x-request-id header.',
  })
  requestId?: string;
}
