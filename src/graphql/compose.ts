import { makeExecutableSchema } from '@graphql-tools/schema';
import {
  type GraphQLField,
  type GraphQLSchema,
  isEnumType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  printSchema,
} from 'graphql';
import type { Context } from './context';
import type { PresentError } from './errors';
import { createOwned } from './own-context';

/** One field in a map of resolvers. */
export interface FieldInMap {
  readonly resolve?: unknown;
  readonly subscribe?: unknown;
  readonly extensions?: object;
}

/** A map of resolvers in the form of graphql-tools, which other tools take too. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- every tool has a type of its own
export type ResolverMap = Record<string, any>;

/** A schema in the form in which teams combine it with theirs. */
export interface ComposableSchema {
  /** The schema as text. */
  readonly typeDefs: string;
  readonly resolvers: ResolverMap;
}

type AnyField = GraphQLField<unknown, Context>;

type Owned = ReturnType<typeof createOwned>;

function fieldsOf(fields: Readonly<Record<string, AnyField>>, owned: Owned): Record<string, FieldInMap> {
  const inMap = Object.values(fields).flatMap(({ name, resolve, subscribe, extensions }) => {
    const isPlain = !resolve && !subscribe && Object.keys(extensions).length === 0;
    if (isPlain) return [];
    // A property that is there replaces the default, even if it is undefined.
    const field: FieldInMap = {
      ...(resolve && { resolve: owned(resolve) }),
      ...(subscribe && { subscribe: owned(subscribe) }),
      extensions,
    };
    return [[name, field] as const];
  });
  return Object.fromEntries(inMap);
}

/** Takes a schema apart. */
export function composable(schema: GraphQLSchema, present: PresentError): ComposableSchema {
  const owned = createOwned(present);
  const resolvers: ResolverMap = {};
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    if (isObjectType(type)) resolvers[type.name] = fieldsOf(type.getFields(), owned);
    else if (isScalarType(type) && !isSpecifiedScalarType(type)) resolvers[type.name] = type;
    else if (isUnionType(type)) resolvers[type.name] = { __resolveType: type.resolveType };
    else if (isEnumType(type))
      resolvers[type.name] = Object.fromEntries(type.getValues().map(({ name, value }) => [name, value]));
  }
  const used = Object.entries(resolvers).filter(([, members]) => Object.keys(members as object).length > 0);
  return { typeDefs: printSchema(schema), resolvers: Object.fromEntries(used) };
}

/** Makes an executable schema of ours alone. Its text was printed from a schema, so it is valid. */
export const executable = ({ typeDefs, resolvers }: ComposableSchema): GraphQLSchema =>
  makeExecutableSchema({ typeDefs, resolvers: resolvers as never, assumeValidSDL: true });
