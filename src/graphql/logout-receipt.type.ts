import { Field, Int, ObjectType } from 'type-graphql';
import type { Receipt, RevocationScope } from '../core/receipt';
import type { Context } from './context';
import { registeredEnum } from './registered-enum';

export const RevocationScopeEnum = registeredEnum<RevocationScope>(
  'RevocationScope',
  'What a revocation ends.',
  {
    TOKEN: 'One access token.',
    SESSION: 'Every token of one session.',
    USER: 'Every token of one user.',
    EVERYONE: 'Every token of all users.',
  },
);

@ObjectType('LogoutReceipt', {
  description: 'What was ended, and whether every node has confirmed it.',
  simpleResolvers: true,
})
export class LogoutReceiptType {
  @Field(() => RevocationScopeEnum, {
    description: 'What was ended: a token, a session, the user, or everyone.',
  })
  scope!: RevocationScope;

  @Field(() => Int, {
    nullable: true,
    description: "The user's new token version. Null if it was not raised.",
  })
  tokenVersion?: number;

  @Field(() => Int, {
    description:
      'The number of live sessions that were ended. For scope EVERYONE it may be an estimate. 0 if only tokens were ended.',
  })
  endedSessions!: number;

  @Field(() => Date, { description: 'When the revocation was stored.' })
  revokedAt!: Date;

  @Field(() => Boolean, {
    description:
      'True: every node refuses the tokens. False: the revocation is stored and still being published.',
  })
  confirmed!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Why the revocation was not confirmed in time. Null if it was.',
  })
  unconfirmedReason?: string;
}

export const toLogoutReceipt = ({ confirmation, ...receipt }: Receipt): LogoutReceiptType => ({
  ...receipt,
  confirmed: confirmation.confirmed,
  unconfirmedReason: confirmation.confirmed ? undefined : confirmation.reason,
});

/** Declares the field of a result that is not a receipt itself. */
export const ReceiptField = (description: string): PropertyDecorator =>
  Field(() => LogoutReceiptType, { nullable: true, description });

/**
 * Returns a receipt for the field `receipt` of a result, and adds it to the response's extensions too. A client finds
 * it there without having selected it, and a gateway passes on only the field.
 */
export function noteReceipt(receipt: Receipt | undefined, context: Context): LogoutReceiptType | undefined {
  if (!receipt) return undefined;
  context.receipts.push(receipt);
  return toLogoutReceipt(receipt);
}
