import { Field, ID, ObjectType } from 'type-graphql';
import { type LoggedRevocation, refuses } from '../core/revocation';
import type { Principal } from '../guard/guard';
import { RevocationScope } from './logout-receipt.type';

@ObjectType('SessionEnded', { description: 'A session or token of mine was ended.', simpleResolvers: true })
export class SessionEndedType {
  @Field(() => ID, {
    nullable: true,
    description: 'The session that it reaches. Null where it reaches all that I have.',
  })
  sessionId?: string;

  @Field(() => RevocationScope, { description: 'How far it reaches.' })
  scope!: RevocationScope;

  @Field(() => Date, { description: 'When it was written down for good.' })
  endedAt!: Date;

  @Field(() => Boolean, {
    description:
      'Whether it ends the token of this very socket, which is then closed with 4403. Try a refresh before ' +
      'signing in again: some revocations end tokens and leave the session.',
  })
  current!: boolean;
}

/** @param principal whose socket hears of it */
export function toSessionEndedType(entry: LoggedRevocation, principal: Principal): SessionEndedType {
  return {
    sessionId: sessionOf(entry, principal),
    // A revoked key ends what it signed for everyone, and so does the receipt say.
    scope: (entry.kind === 'KEY' ? 'EVERYONE' : entry.kind) as RevocationScope,
    endedAt: new Date(entry.revokedAt),
    current: refuses(entry, principal),
  };
}

function sessionOf(entry: LoggedRevocation, { sessionId }: Principal): string | undefined {
  switch (entry.kind) {
    case 'SESSION':
      return entry.sessionId;
    case 'TOKEN':
      return sessionId;
    default:
      return undefined;
  }
}
