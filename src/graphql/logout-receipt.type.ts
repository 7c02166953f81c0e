import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Receipt } from '../core/receipt';
import type { Context } from './context';

export enum RevocationScope {
  TOKEN = 'TOKEN',
  SESSION = 'SESSION',
  USER = 'USER',
  EVERYONE = 'EVERYONE',
}

registerEnumType(RevocationScope, {
  name: 'RevocationScope',
  description: 'How far a revocation reaches.',
  valuesConfig: {
    TOKEN: { description: 'One access token.' },
    SESSION: { description: 'Every token of one session.' },
    USER: { description: 'Every token of one user.' },
    EVERYONE: { description: 'Every token there is.' },
  },
});

@ObjectType('LogoutReceipt', {
  description: 'What was ended, and whether that is in force everywhere.',
  simpleResolvers: true,
})
export class LogoutReceiptType {
  @Field(() => RevocationScope, { description: 'How far it reaches.' })
  scope!: RevocationScope;

  @Field(() => Int, { nullable: true, description: "The user's new counter, where it was raised." })
  tokenVersion?: number;

  @Field(() => Int, {
    description:
      'How many live sessions it ended; 0 for everyone at once, where there are too many to count.',
  })
  endedSessions!: number;

  @Field(() => Date, { description: 'When it was written down for good.' })
  revokedAt!: Date;

  @Field(() => Boolean, {
    description:
      'True: no node accepts the tokens any more. False: stored, and will be delivered; see the reason.',
  })
  confirmed!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Why it could not be confirmed in time. Null when it was.',
  })
  unconfirmedReason?: string;
}

export function toLogoutReceipt({ confirmation, scope, ...receipt }: Receipt): LogoutReceiptType {
  return {
    scope: scope as RevocationScope,
    tokenVersion: receipt.tokenVersion,
    endedSessions: receipt.endedSessions,
    revokedAt: receipt.revokedAt,
    confirmed: confirmation.confirmed,
    unconfirmedReason: confirmation.confirmed ? undefined : confirmation.reason,
  };
}

/** Notes what a mutation ended whose own result has no place for it; it goes into the answer's extensions. */
export function noteReceipt(receipt: Receipt | undefined, context: Context): void {
  if (receipt) context.receipts.push(receipt);
}
