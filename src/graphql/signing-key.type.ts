import { Field, ID, ObjectType } from 'type-graphql';
import type { SigningKey } from '../core/account';

@ObjectType('SigningKey', { description: 'A key that signs access tokens. Its public half is in the JWKS.' })
export class SigningKeyType {
  @Field(() => ID, {
    description: 'The "kid": the id of the database, a dot, and the thumbprint of the public key (RFC 7638).',
  })
  id!: string;

  @Field(() => String, { description: 'The algorithm, as RFC 7518 names it.' })
  algorithm!: string;

  @Field(() => Date, { description: 'When it was made.' })
  createdAt!: Date;
}

export const toSigningKeyType = ({ id, algorithm, createdAt }: SigningKey): SigningKeyType => ({
  id,
  algorithm,
  createdAt,
});
