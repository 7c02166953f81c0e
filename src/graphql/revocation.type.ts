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
  description: 'What a revocation names.',
  valuesConfig: {
    TOKEN: { description: 'One access token, by its "jti".' },
    SESSION: { description: 'One session, by its "sid".' },
    USER: { description: 'The tokens of one user with a lower "tokenVersion".' },
    EVERYONE: { description: 'All tokens with a lower "globalVersion".' },
    KEY: { description: 'All tokens that one key has signed.' },
  },
});

@ObjectType('Revocation', {
  description: 'One entry of the revocation log. What its kind does not need is null.',
  simpleResolvers: true,
})
export class RevocationType {
  @Field(() => ID, {
    description: 'Its id in the log: a random one, which tells no order.',
  })
  id!: string;

  @Field(() => RevocationKind, { description: 'What it names.' })
  kind!: RevocationKind;

  @Field(() => ID, { nullable: true, description: 'Whose token, session or counter it is.' })
  userId?: string;

  @Field(() => ID, { nullable: true, description: 'The session that has ended.' })
  sessionId?: string;

  @Field(() => ID, { nullable: true, description: 'The token that is refused.' })
  tokenId?: string;

  @Field(() => Int, {
    nullable: true,
    description:
      "The user's new counter: lower ones are refused. The highest there can be: the user was deleted.",
  })
  tokenVersion?: number;

  @Field(() => Int, { nullable: true, description: "Everyone's new counter: lower ones are refused." })
  globalVersion?: number;

  @Field(() => ID, { nullable: true, description: 'The "kid" of the key whose tokens are refused.' })
  keyId?: string;

  @Field(() => Date, { description: 'When it was written down for good.' })
  revokedAt!: Date;

  @Field(() => Date, { description: 'When the last token that it refuses has expired.' })
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
