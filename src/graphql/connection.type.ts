import { ArgsType, type ClassType, Field, Int, ObjectType } from 'type-graphql';
import { IsOptional } from 'class-validator';
import type { Page, PageRequest } from '../core/page';
import { AuditEventType } from './audit-event.type';
import { DEFAULT_ITEMS } from './limits';
import { IsText } from './text';
import { UserType } from './user.type';

@ObjectType({ description: 'Where a page stands in its list (Relay connections).', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether there is more after this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether this page was asked for with "after".' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first edge.' })
  startCursor?: string;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the last edge: give it as "after" for the next page.',
  })
  endCursor?: string;
}

interface Edge<T> {
  node: T;
  cursor: string;
}

export interface Connection<T> {
  edges: Edge<T>[];
  pageInfo: PageInfo;
}

/** Makes the connection type of a node type, after the Relay specification. */
function connectionOf<T extends object>(node: ClassType<T>, name: string, what: string) {
  @ObjectType(`${name}Edge`, { description: `${what} with its place in the list.`, simpleResolvers: true })
  class EdgeType implements Edge<T> {
    @Field(() => node, { description: what })
    node!: T;

    @Field(() => String, { description: 'Names the place. Opaque.' })
    cursor!: string;
  }

  @ObjectType(`${name}Connection`, { description: `A page of a list.`, simpleResolvers: true })
  class ConnectionType implements Connection<T> {
    @Field(() => [EdgeType], { description: 'What is on the page.' })
    edges!: EdgeType[];

    @Field(() => PageInfo, { description: 'Where the page stands in the list.' })
    pageInfo!: PageInfo;
  }
  return ConnectionType;
}

export const UserConnection = connectionOf(UserType, 'User', 'The account');
export const AuditEventConnection = connectionOf(AuditEventType, 'AuditEvent', 'The event');

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    defaultValue: DEFAULT_ITEMS,
    description: 'How many to answer, 1 to 100.',
  })
  first?: number | null;

  @IsOptional()
  @IsText(0, 200)
  @Field(() => String, { nullable: true, description: 'The endCursor of the page before.' })
  after?: string | null;
}

export const toPageRequest = ({ first, after }: PageArgs): PageRequest => ({
  first: first ?? DEFAULT_ITEMS,
  after: after ?? undefined,
});

export function toConnection<T, N>(
  page: Page<T>,
  { after }: PageArgs,
  toNode: (item: T) => N,
): Connection<N> {
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
