import {
  getNullableType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isListType,
  isObjectType,
} from 'graphql';
import type { ComplexityEstimator } from 'graphql-query-complexity';

/** Points of a field of introspection, which is read from memory: the full introspection query costs some 5000. */
const COST = 0.25;

/** The length of a list that nobody has counted, such as the locations of a directive. */
const OTHER = 4;

const average = (lengths: readonly number[]) =>
  Math.ceil(lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length)) || 1;

/** How long introspection's lists are in a schema: on average, as a field does not say whose they are. */
function lengthsIn(schema: GraphQLSchema): Readonly<Record<string, number>> {
  const types = Object.values(schema.getTypeMap());
  const fields = types.filter(isObjectType).map((type) => Object.values(type.getFields()));
  const inputFields = types.filter(isInputObjectType).map((type) => Object.keys(type.getFields()).length);
  return {
    types: types.length,
    directives: schema.getDirectives().length,
    fields: average(fields.map(({ length }) => length)),
    inputFields: average(inputFields),
    args: average(fields.flat().map(({ args }) => args.length)),
    enumValues: average(types.filter(isEnumType).map((type) => type.getValues().length)),
  };
}

const known = new WeakMap<GraphQLSchema, ReturnType<typeof lengthsIn>>();

/** What a field of introspection costs; nothing for any other. A list costs what its items cost. */
export const introspectionEstimator =
  (schema: GraphQLSchema): ComplexityEstimator =>
  ({ type, field, childComplexity }) => {
    if (!isIntrospectionType(type)) return undefined;
    const lengths = known.get(schema) ?? lengthsIn(schema);
    known.set(schema, lengths);
    const isList = isListType(getNullableType(field.type));
    return (isList ? (lengths[field.name] ?? OTHER) : 1) * (COST + childComplexity);
  };
