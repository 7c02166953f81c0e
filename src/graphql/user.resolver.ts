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
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import type { Actions } from '../actions/actions';
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
import { costOfList } from './limits';
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

/** Everything that can be read: the own account, and for administrators those of others. */
@Resolver(() => UserType)
export class UserResolver {
  constructor(private readonly actions: Actions) {}

  @Authorized()
  @Query(() => UserType, { description: 'My account.' })
  async me(@Ctx() context: Context) {
    const principal = requireUser(context);
    return toUserType(await this.actions.findMe(principal), principal.sessionId);
  }

  @Authorized(Role.ADMIN)
  @Query(() => UserType, { nullable: true, description: 'An account, or null. For administrators.' })
  async user(@Arg('id', () => ID, { description: 'Whose.' }) id: string, @Ctx() context: Context) {
    const user = await this.actions.findUser(id);
    return user && toUserType(user, requireUser(context).sessionId);
  }

  @Authorized(Role.ADMIN)
  @Query(() => UserConnection, {
    complexity: costOfList,
    description: 'All accounts, oldest first. For administrators.',
  })
  async users(@Args(() => UsersArgs) args: UsersArgs, @Ctx() context: Context) {
    const { sessionId } = requireUser(context);
    const page = await this.actions.listUsers(toPageRequest(args), args.search ?? undefined);
    return toConnection(page, args, (user) => toUserType(user, sessionId));
  }

  @Authorized(Role.ADMIN)
  @Query(() => AuditEventConnection, {
    complexity: costOfList,
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
  @FieldResolver(() => [SessionType], { complexity: 5, description: 'The live sessions, last used first.' })
  async sessions(@Root() { id, currentSessionId }: UserType, @Ctx() context: Context) {
    return (await context.sessions.load(id)).map((session) => toSessionType(session, currentSessionId));
  }
}
