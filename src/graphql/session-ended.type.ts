import { Field, ID, ObjectType } from 'type-graphql';
import type { RevocationScope } from '../core/receipt';
import { type LoggedRevocation, refuses } from '../core/revocation';
import type { Principal } from '../guard/guard';
import { RevocationScopeEnum } from './logout-receipt.type';

@ObjectType('SessionEnded', {
  description: 'A session or token of the current user was ended.',
  simpleResolvers: true,
})
export class SessionEndedType {
  @Field(() => ID, {
    nullable: true,
    description:
      "The session that was ended, or whose token was revoked. Null if all of the user's sessions are affected.",
  })
  sessionId?: string;

  @Field(() => RevocationScopeEnum, {
    description: 'What was ended: a token, a session, the user, or everyone.',
  })
  scope!: RevocationScope;

  @Field(() => Date, { description: 'When the revocation was stored.' })
  endedAt!: Date;

  @Field(() => Boolean, {
    description:
      "Whether this revokes the socket's own token. The socket is then closed with 4403. Try a refresh first: " +
      'some revocations end tokens but not the session.',
  })
  current!: boolean;
}

/** @param principal the user of the socket that receives the event */
export function toSessionEndedType(entry: LoggedRevocation, principal: Principal): SessionEndedType {
  return {
    sessionId: sessionOf(entry, principal),
    // A revoked key ends tokens of everyone; the receipt says the same.
    scope: entry.kind === 'KEY' ? 'EVERYONE' : entry.kind,
    endedAt: new Date(entry.revokedAt),
    current: refuses(entry, principal.token),
  };
}

function sessionOf(entry: LoggedRevocation, { sessionId }: Principal): string | undefined {
  if (entry.kind === 'SESSION') return entry.sessionId;
  return entry.kind === 'TOKEN' ? sessionId : undefined;
}
