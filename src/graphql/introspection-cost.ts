import {
  type DocumentNode,
  getNamedType,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isIntrospectionType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from 'graphql';
import type { ComplexityEstimator } from 'graphql-query-complexity';
import { fragmentsIn } from './documents';

/** Points of each field of introspection: at the limit it takes about as long as a page. */
const COST = 2;

/**
 * Creates the estimator for introspection. It reads the schema as execution will, and counts the fields. An estimate
 * would be wrong: `enumValues` has two items in one type and thirty in another.
 *
 * @param highest the most points of an operation: counting stops there
 */
export function introspectionEstimator(
  schema: GraphQLSchema,
  document: DocumentNode,
  highest: number,
): ComplexityEstimator {
  const fragments = fragmentsIn(document);
  let cost = 0;

  /** Counts the fields that a selection has in `value`. */
  const count = ({ selections }: SelectionSetNode, type: GraphQLObjectType, value: unknown): void => {
    for (const selection of selections) {
      cost += COST;
      if (cost > highest) throw new GraphQLError('This operation introspects too much. Request less.');
      if (selection.kind === Kind.INLINE_FRAGMENT) count(selection.selectionSet, type, value);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(selection.name.value);
        if (fragment) count(fragment.selectionSet, type, value);
      } else if (selection.selectionSet) {
        const field = type.getFields()[selection.name.value];
        const itemType = field && getNamedType(field.type);
        if (!field?.resolve || !isObjectType(itemType)) continue;
        const info = { schema } as GraphQLResolveInfo;
        const found: unknown = field.resolve(value, { includeDeprecated: true }, undefined, info);
        for (const item of Array.isArray(found) ? (found as unknown[]) : [found]) {
          if (item !== null && item !== undefined) count(selection.selectionSet, itemType, item);
        }
      }
    }
  };

  return ({ type, field, node, args }) => {
    // Counted already with __schema or __type.
    if (isIntrospectionType(type)) return 0;
    if (field !== SchemaMetaFieldDef && field !== TypeMetaFieldDef) return undefined;
    const value = field === SchemaMetaFieldDef ? schema : schema.getType(String(args.name));
    const itemType = getNamedType(field.type);
    const before = cost;
    if ('selectionSet' in node && node.selectionSet && value && isObjectType(itemType))
      count(node.selectionSet, itemType, value);
    return cost - before;
  };
}
