import { Authorized, Ctx, Resolver, Root, Subscription } from 'type-graphql';
import type { LoggedRevocation } from '../core/revocation';
import { requireUser } from '../guard/require-user';
import type { SubscriptionContext } from './context';
import { RevocationType, toRevocationType } from './revocation.type';
import { Role } from './role.type';
import { SessionEndedType, toSessionEndedType } from './session-ended.type';

const revocationsOf = (context: unknown) => (context as SubscriptionContext).revocations;

/** Subscriptions. The caller's token is checked again before each event gets here. */
@Resolver()
export class SubscriptionResolver {
  @Authorized()
  @Subscription(() => SessionEndedType, {
    description:
      'Sends an event when a session or token of the current user is ended, on any device. ' +
      "The event that revokes the socket's own token is the last.",
    subscribe: ({ context }) => revocationsOf(context).ofUser(),
  })
  sessionEnded(@Root() entry: LoggedRevocation, @Ctx() context: SubscriptionContext) {
    return toSessionEndedType(entry, requireUser(context));
  }

  @Authorized(Role.ADMIN)
  @Subscription(() => RevocationType, {
    description: 'Sends every revocation as soon as this node learns it. Administrators only.',
    subscribe: ({ context }) => revocationsOf(context).all(),
  })
  revocations(@Root() entry: LoggedRevocation) {
    return toRevocationType(entry);
  }
}
