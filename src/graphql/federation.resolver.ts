import { GraphQLScalarType, type GraphQLResolveInfo } from 'graphql';
import { Arg, createUnionType, Ctx, Field, Info, ObjectType, Query, Resolver } from 'type-graphql';
import { badUserInput } from '../core/errors';
import { requireUser } from '../guard/require-user';
import type { Context } from './context';
import { findEntity } from './entity';
import { costOfEntities } from './query-limits';
import { Role } from './role.type';
import { subgraphText } from './subgraph';
import { UserType } from './user.type';

/** The most users that a gateway may ask for at once: about as many as fit into a request. */
export const MOST_REPRESENTATIONS = 400;

const Any = new GraphQLScalarType({
  name: '_Any',
  description: 'A representation: an object with "__typename" and the fields of its key.',
});

const Entity = createUnionType({
  name: '_Entity',
  description: 'The types that other subgraphs may extend.',
  types: () => [UserType] as const,
  resolveType: () => UserType,
});

@ObjectType('_Service', { description: 'This subgraph.', simpleResolvers: true })
class ServiceType {
  @Field(() => String, { description: 'The schema with the directives of Federation 2.' })
  sdl!: string;
}

/** The fields that a gateway asks for (Apollo Federation 2). */
@Resolver()
export class FederationResolver {
  /** @param production answers the schema only to administrators, as introspection is off */
  constructor(private readonly production: boolean) {}

  @Query(() => [Entity], {
    name: '_entities',
    nullable: 'items',
    complexity: costOfEntities,
    description:
      'The users with these ids, for gateways. Your own account; for administrators, every account.',
  })
  async entities(
    // These are scalars, so there is nothing to validate.
    @Arg('representations', () => [Any], {
      validate: false,
      description: 'At most 400 objects with "__typename" and "id".',
    })
    representations: unknown[],
    @Ctx() context: Context,
  ) {
    if (representations.length > MOST_REPRESENTATIONS)
      throw badUserInput(`At most ${MOST_REPRESENTATIONS} representations are allowed.`);
    const found = await Promise.allSettled(representations.map((each) => findEntity(each, context)));
    // An error in the list is the error of its item.
    return found.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as Error)));
  }

  @Query(() => ServiceType, {
    name: '_service',
    description: 'The schema of this subgraph, for composition. In production for administrators only.',
  })
  service(@Ctx() context: Context, @Info() { schema }: GraphQLResolveInfo): ServiceType {
    if (this.production) requireUser(context, Role.ADMIN);
    return { sdl: subgraphText(schema) };
  }
}
