import {
  type ConstDirectiveNode,
  type DefinitionNode,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  Kind,
  type ObjectTypeDefinitionNode,
  parse,
  print,
  printSchema,
} from 'graphql';
import type { ComposableSchema } from './compose';
import { findEntity } from './entity';
import type { PresentError } from './errors';
import { type AddedContext, createOwned } from './own-context';

/** Only gateways ask for these fields. They are left out of the schema that gateways compose. */
const OF_GATEWAYS = new Set(['_Any', '_Entity', '_Service', '_entities', '_service']);

/** The directives of each type. Subgraphs often have a `PageInfo` of their own, which is the same one. */
const DIRECTIVES: Readonly<Record<string, string>> = { User: '@key(fields: "id")', PageInfo: '@shareable' };

/** The version needs to be no newer than the directives. */
const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@shareable"])';

function directivesOf(type: string): readonly ConstDirectiveNode[] {
  const text = DIRECTIVES[type];
  if (text === undefined) return [];
  const [definition] = parse(`type T ${text}`).definitions as [ObjectTypeDefinitionNode];
  return definition.directives ?? [];
}

const isOfGateways = (node: DefinitionNode) =>
  'name' in node && node.name !== undefined && OF_GATEWAYS.has(node.name.value);

/** Returns a schema's text as a subgraph has it: with the key of `User`, without what only gateways ask for. */
export function keyedText(text: string): string {
  const { definitions, ...document } = parse(text, { noLocation: true });
  const keyed = definitions
    .filter((node) => !isOfGateways(node))
    .map((node) => {
      if (node.kind !== Kind.OBJECT_TYPE_DEFINITION) return node;
      const fields = (node.fields ?? []).filter(({ name }) => !OF_GATEWAYS.has(name.value));
      return { ...node, fields, directives: [...(node.directives ?? []), ...directivesOf(node.name.value)] };
    });
  return print({ ...document, definitions: keyed });
}

const texts = new WeakMap<GraphQLSchema, string>();

/** Returns the schema for composition, with its version of Federation. Prints each schema once. */
export function subgraphText(schema: GraphQLSchema): string {
  const text = texts.get(schema) ?? `${LINK}\n\n${keyedText(printSchema(schema))}\n`;
  texts.set(schema, text);
  return text;
}

const withoutGateways = <T>(map: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).filter(([name]) => !OF_GATEWAYS.has(name)));

/**
 * Returns a schema's parts for `buildSubgraphSchema` of `@apollo/subgraph`: with the key of `User`, and how a user is
 * found. They name no version of Federation: the subgraph that they become a part of does.
 */
export function subgraphParts(
  { typeDefs, resolvers }: ComposableSchema,
  present: PresentError,
): ComposableSchema {
  const find = createOwned(present)((representation, _args, own) => findEntity(representation, own));
  const __resolveReference = (representation: unknown, context: AddedContext, info: GraphQLResolveInfo) =>
    find(representation, {}, context, info);
  const kept = withoutGateways(resolvers as Record<string, Record<string, unknown>>);
  return {
    typeDefs: keyedText(typeDefs),
    resolvers: {
      ...kept,
      Query: withoutGateways(kept.Query ?? {}),
      User: { ...kept.User, __resolveReference },
    },
  };
}
