import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { LoggedRevocation, Revocation } from '../core/revocation';
import { registeredEnum } from './registered-enum';

const RevocationKind = registeredEnum<Revocation['kind']>('RevocationKind', 'What a revocation applies to.', {
  TOKEN: 'One access token, identified by "jti".',
  SESSION: 'All tokens of one session, identified by "sid".',
  USER: 'All tokens of one user with a lower "tokenVersion".',
  EVERYONE: 'All tokens with a lower "globalVersion".',
  KEY: 'All tokens signed by one key, identified by "kid".',
});

@ObjectType('Revocation', {
  description: 'One entry of the revocation log. Fields that its kind does not use are null.',
  simpleResolvers: true,
})
export class RevocationType {
  @Field(() => ID, { description: 'The id of the entry. Random: ids are not in order.' })
  id!: string;

  @Field(() => RevocationKind, { description: 'What the revocation applies to.' })
  kind!: Revocation['kind'];

  @Field(() => ID, { nullable: true, description: 'The user whose token, session or counter this is.' })
  userId?: string;

  @Field(() => ID, { nullable: true, description: 'The session that was ended.' })
  sessionId?: string;

  @Field(() => ID, { nullable: true, description: 'The "jti" of the revoked token.' })
  tokenId?: string;

  @Field(() => Int, {
    nullable: true,
    description:
      "The user's new counter: tokens with a lower one are refused. 2147483647 means the user was deleted.",
  })
  tokenVersion?: number;

  @Field(() => Int, {
    nullable: true,
    description: 'The new counter of all users: tokens with a lower one are refused.',
  })
  globalVersion?: number;

  @Field(() => ID, { nullable: true, description: 'The "kid" of the revoked signing key.' })
  keyId?: string;

  @Field(() => Date, { description: 'When the revocation was stored.' })
  revokedAt!: Date;

  @Field(() => Date, { description: 'When the last token it applies to expires.' })
  expiresAt!: Date;
}

export const toRevocationType = (entry: LoggedRevocation): RevocationType => ({
  ...entry,
  revokedAt: new Date(entry.revokedAt),
  expiresAt: new Date(entry.expiresAt),
});
