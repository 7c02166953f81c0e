import { IsOptional } from 'class-validator';
import {
  Arg,
  Args,
  ArgsType,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import type { Actions } from '../actions/actions';
import { unauthenticated } from '../core/errors';
import { requireUser } from '../guard/require-user';
import { toAuditEventType } from './audit-event.type';
import {
  AuditEventConnection,
  PageArgs,
  toConnection,
  toPageRequest,
  UserConnection,
} from './connection.type';
import type { Context } from './context';
import { costOfList, costOfPage, DEFAULT_ITEMS } from './limits';
import { Role } from './role.type';
import { SessionType, toSessionType } from './session.type';
import { IsText } from './text';
import { toUserType, UserType } from './user.type';

@ArgsType()
class UsersArgs extends PageArgs {
  @IsOptional()
  @IsText(0, 254)
  @Field(() => String, { nullable: true, description: 'Only those with this somewhere in the email.' })
  search?: string;
}

@ArgsType()
class AuditEventsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: 'Only what happened to this user.' })
  userId?: string;
}

@ArgsType()
class SessionsArgs {
  @Field(() => Int, {
    nullable: true,
    defaultValue: DEFAULT_ITEMS,
    description: 'How many to answer, 1 to 100.',
  })
  first?: number | null;

  @IsOptional()
  @IsText(0, 200)
  @Field(() => ID, { nullable: true, description: 'The id of the last session of the page before.' })
  after?: string | null;
}

/** Everything that can be read: the own account, and for administrators those of others. */
@Resolver(() => UserType)
export class UserResolver {
  constructor(private readonly actions: Actions) {}

  @Authorized()
  @Query(() => UserType, { description: 'My account.' })
  async me(@Ctx() context: Context) {
    const { userId, sessionId } = requireUser(context);
    const user = await context.users.load(userId);
    if (!user) throw unauthenticated('TOKEN_REVOKED');
    return toUserType(user, sessionId);
  }

  @Authorized(Role.ADMIN)
  @Query(() => UserType, { nullable: true, description: 'An account, or null. For administrators.' })
  async user(@Arg('id', () => ID, { description: 'Whose.' }) id: string, @Ctx() context: Context) {
    const user = await context.users.load(id);
    return user && toUserType(user, requireUser(context).sessionId);
  }

  @Authorized(Role.ADMIN)
  @Query(() => UserConnection, {
    complexity: costOfPage,
    description: 'All accounts, oldest first. For administrators.',
  })
  async users(@Args(() => UsersArgs) args: UsersArgs, @Ctx() context: Context) {
    const { sessionId } = requireUser(context);
    const page = await this.actions.listUsers(toPageRequest(args), args.search ?? undefined);
    return toConnection(page, args, (user) => toUserType(user, sessionId));
  }

  @Authorized(Role.ADMIN)
  @Query(() => AuditEventConnection, {
    complexity: costOfPage,
    description: 'What happened, newest first. For administrators.',
  })
  async auditEvents(@Args(() => AuditEventsArgs) args: AuditEventsArgs) {
    return toConnection(
      await this.actions.listAuditEvents(toPageRequest(args), args.userId ?? undefined),
      args,
      toAuditEventType,
    );
  }

  // Reached only through a User, and nobody gets one but its owner and administrators.
  @FieldResolver(() => [SessionType], {
    complexity: costOfList,
    description: 'The live sessions, last used first.',
  })
  async sessions(
    @Root() { id, currentSessionId }: UserType,
    @Args(() => SessionsArgs) { first, after }: SessionsArgs,
    @Ctx() context: Context,
  ) {
    const wanted = { userId: id, first: first ?? DEFAULT_ITEMS, after: after ?? undefined };
    return (await context.sessions.load(wanted)).map((session) => toSessionType(session, currentSessionId));
  }
}
