import { Field, ID, ObjectType } from 'type-graphql';
import type { SigningKey } from '../core/account';

@ObjectType('SigningKey', {
  description: 'A key that signs access tokens. Its public half is in the JWKS.',
  simpleResolvers: true,
})
export class SigningKeyType {
  @Field(() => ID, { description: 'The "kid" of the key in the JWKS.' })
  id!: string;

  @Field(() => String, { description: 'The algorithm, as RFC 7518 names it.' })
  algorithm!: string;

  @Field(() => Date, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => Date, {
    description: 'When it signs its first token. The JWKS names it long before, so that no cache lacks it.',
  })
  signsFrom!: Date;
}

export const toSigningKeyType = (
  { id, algorithm, createdAt }: SigningKey,
  signsFrom: Date,
): SigningKeyType => ({ id, algorithm, createdAt, signsFrom });
