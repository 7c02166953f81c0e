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
import {
  AuditEventConnection,
  PageArgs,
  toConnection,
  toPageRequest,
  UserConnection,
} from './connection.type';
import type { Context } from './context';
import { costOfList, costOfPage, DEFAULT_ITEMS } from './query-limits';
import { Role } from './role.type';
import { SessionType, toSessionType } from './session.type';
import { IsText } from './text';
import { toUserType, UserType } from './user.type';

@ArgsType()
class UsersArgs extends PageArgs {
  @IsOptional()
  @IsText(0, 254)
  @Field(() => String, {
    nullable: true,
    description:
      'Return only users whose email begins with this text, in the order of their emails. Letter case does not count.',
  })
  search?: string;
}

@ArgsType()
class AuditEventsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: 'Return only events about this user.' })
  userId?: string;
}

@ArgsType()
class SessionsArgs {
  @Field(() => Int, {
    nullable: true,
    defaultValue: DEFAULT_ITEMS,
    description: 'The number of sessions to return, 1 to 100.',
  })
  first?: number | null;

  @IsOptional()
  @IsText(0, 200)
  @Field(() => ID, { nullable: true, description: 'The id of the last session of the previous page.' })
  after?: string | null;
}

/** Queries: the caller's own account; for administrators, all accounts and the audit log. */
@Resolver(() => UserType)
export class UserResolver {
  constructor(private readonly actions: Actions) {}

  // Without `@Authorized`: before the sign-in, a page may ask for `me` beside its own fields without an error.
  @Query(() => UserType, {
    nullable: true,
    description: "The current user's account. Null without an access token; a bad one is an error.",
  })
  async me(@Ctx() context: Context) {
    if (!context.auth.ok && context.auth.code === 'TOKEN_MISSING') return null;
    const { userId, sessionId } = requireUser(context);
    const user = await context.users.load(userId);
    if (!user) throw unauthenticated('TOKEN_REVOKED');
    return toUserType(user, sessionId);
  }

  @Authorized(Role.ADMIN)
  @Query(() => UserType, {
    nullable: true,
    description: 'The user with this id, or null. Administrators only.',
  })
  async user(@Arg('id', () => ID, { description: "The user's id." }) id: string, @Ctx() context: Context) {
    const user = await context.users.load(id);
    return user && toUserType(user, requireUser(context).sessionId);
  }

  @Authorized(Role.ADMIN)
  @Query(() => UserConnection, {
    complexity: costOfPage,
    description: 'All users, oldest first; with `search`, in the order of their emails. Administrators only.',
  })
  async users(@Args() args: UsersArgs, @Ctx() context: Context) {
    const { sessionId } = requireUser(context);
    const page = await this.actions.listUsers(toPageRequest(args), args.search ?? undefined);
    return toConnection(page, args, (user) => toUserType(user, sessionId));
  }

  @Authorized(Role.ADMIN)
  @Query(() => AuditEventConnection, {
    complexity: costOfPage,
    description: 'The audit log, newest first. Administrators only.',
  })
  async auditEvents(@Args() args: AuditEventsArgs) {
    const page = await this.actions.listAuditEvents(toPageRequest(args), args.userId ?? undefined);
    return toConnection(page, args, (event) => event);
  }

  // Only the owner and administrators get a User, and the holder of a link, who is not signed in.
  @FieldResolver(() => [SessionType], {
    complexity: costOfList,
    description: "The user's live sessions, last used first.",
  })
  async sessions(
    @Root() { id, currentSessionId }: UserType,
    @Args() args: SessionsArgs,
    @Ctx() context: Context,
  ) {
    if (currentSessionId === undefined) throw unauthenticated('TOKEN_MISSING');
    const sessions = await context.sessions.load({ userId: id, ...toPageRequest(args) });
    return sessions.map((session) => toSessionType(session, currentSessionId));
  }
}
