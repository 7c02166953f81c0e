import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { LoggedRevocation } from '../core/revocation';

export enum RevocationKind {
  TOKEN = 'TOKEN',
  SESSION = 'SESSION',
  USER = 'USER',
  EVERYONE = 'EVERYONE',
  KEY = 'KEY',
}

registerEnumType(RevocationKind, {
  name: 'RevocationKind',
  description: 'What a revocation applies to.',
  valuesConfig: {
    TOKEN: { description: 'One access token, identified by "jti".' },
    SESSION: { description: 'All tokens of one session, identified by "sid".' },
    USER: { description: 'All tokens of one user with a lower "tokenVersion".' },
    EVERYONE: { description: 'All tokens with a lower "globalVersion".' },
    KEY: { description: 'All tokens signed by one key, identified by "kid".' },
  },
});

@ObjectType('Revocation', {
  description: 'One entry of the revocation log. Fields that its kind does not use are null.',
  simpleResolvers: true,
})
export class RevocationType {
  @Field(() => ID, {
    description: 'The id of the entry. Random: ids are not in order.',
  })
  id!: string;

  @Field(() => RevocationKind, { description: 'What the revocation applies to.' })
  kind!: RevocationKind;

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

export const toRevocationType = ({
  revokedAt,
  expiresAt,
  kind,
  ...named
}: LoggedRevocation): RevocationType => ({
  ...named,
  kind: kind as RevocationKind,
  revokedAt: new Date(revokedAt),
  expiresAt: new Date(expiresAt),
});
