import { Field, ID, ObjectType } from 'type-graphql';
import type { SigningKey } from '../core/account';
import { type LogoutReceiptType, ReceiptField } from './logout-receipt.type';

@ObjectType('SigningKey', {
  description: 'A key that signs access tokens. The JWKS holds its public key.',
  simpleResolvers: true,
})
export class SigningKeyType {
  @Field(() => ID, { description: 'The key\'s "kid" in the JWKS.' })
  id!: string;

  @Field(() => String, { description: 'The algorithm (RFC 7518).' })
  algorithm!: string;

  @Field(() => Date, { description: 'When the key was created.' })
  createdAt!: Date;

  @Field(() => Date, {
    description:
      'When the key starts to sign. The JWKS publishes it earlier, so that caches have it by then.',
  })
  signsFrom!: Date;

  @ReceiptField('With `revokeOld: true`: what this ended. Null if it ended nothing.')
  receipt?: LogoutReceiptType;
}

export const toSigningKeyType = (
  { id, algorithm, createdAt }: SigningKey,
  signsFrom: Date,
  receipt: LogoutReceiptType | undefined,
): SigningKeyType => ({ id, algorithm, createdAt, signsFrom, receipt });
