import { ArgsType, type ClassType, Field, Int, ObjectType } from 'type-graphql';
import { IsOptional } from 'class-validator';
import type { Page, PageRequest } from '../core/ports/truth';
import { AuditEventType } from './audit-event.type';
import { DEFAULT_ITEMS } from './query-limits';
import { IsText } from './text';
import { UserType } from './user.type';

@ObjectType({ description: 'The position of a page in its list (Relay connections).', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether more items follow this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether the request had an "after" argument.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first edge.' })
  startCursor?: string;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the last edge. Pass it as "after" to get the next page.',
  })
  endCursor?: string;
}

function connectionOf<T extends object>(node: ClassType<T>, name: string, what: string, plural: string) {
  @ObjectType(`${name}Edge`, { description: `${what} with its cursor.`, simpleResolvers: true })
  class EdgeType {
    @Field(() => node, { description: `${what}.` })
    node!: T;

    @Field(() => String, { description: 'The position in the list, as an opaque string.' })
    cursor!: string;
  }

  @ObjectType(`${name}Connection`, { description: `A page of ${plural}.`, simpleResolvers: true })
  class ConnectionType {
    @Field(() => [EdgeType], { description: 'The items of the page.' })
    edges!: EdgeType[];

    @Field(() => PageInfo, { description: 'The position of the page in the list.' })
    pageInfo!: PageInfo;
  }
  return ConnectionType;
}

export const UserConnection = connectionOf(UserType, 'User', 'The user', 'users');
export const AuditEventConnection = connectionOf(AuditEventType, 'AuditEvent', 'The event', 'audit events');

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    defaultValue: DEFAULT_ITEMS,
    description: 'The number of items to return, 1 to 100.',
  })
  first?: number | null;

  // The longest one holds the longest email.
  @IsOptional()
  @IsText(0, 1100)
  @Field(() => String, { nullable: true, description: 'The endCursor of the previous page.' })
  after?: string | null;
}

export const toPageRequest = ({ first, after }: PageArgs): PageRequest => ({
  first: first ?? DEFAULT_ITEMS,
  after: after ?? undefined,
});

export function toConnection<T, N>(page: Page<T>, { after }: PageArgs, toNode: (item: T) => N) {
  const edges = page.items.map(({ node, cursor }) => ({ node: toNode(node), cursor }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: after !== undefined && after !== null,
      startCursor: edges[0]?.cursor,
      endCursor: edges.at(-1)?.cursor,
    },
  };
}
