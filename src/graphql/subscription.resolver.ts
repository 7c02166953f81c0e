import { Authorized, Ctx, Resolver, Root, Subscription } from 'type-graphql';
import type { LoggedRevocation } from '../core/revocation';
import { requireUser } from '../guard/require-user';
import type { SubscriptionContext } from './context';
import { RevocationType, toRevocationType } from './revocation.type';
import { Role } from './role.type';
import { SessionEndedType, toSessionEndedType } from './session-ended.type';

const feedOf = (context: unknown) => (context as SubscriptionContext).feed;

/** What is told as it happens. Each event passes the check of the caller's token before it gets here. */
@Resolver()
export class SubscriptionResolver {
  @Authorized()
  @Subscription(() => SessionEndedType, {
    description:
      'Tells when a session or token of mine was ended, on whatever device. The last event of a socket is the one ' +
      'that ends its own token.',
    subscribe: ({ context }) => feedOf(context).mine(),
  })
  sessionEnded(@Root() entry: LoggedRevocation, @Ctx() context: SubscriptionContext) {
    return toSessionEndedType(entry, requireUser(context));
  }

  @Authorized(Role.ADMIN)
  @Subscription(() => RevocationType, {
    description: 'Tells of every revocation as it becomes known to the node. For administrators.',
    subscribe: ({ context }) => feedOf(context).all(),
  })
  revocations(@Root() entry: LoggedRevocation) {
    return toRevocationType(entry);
  }
}
