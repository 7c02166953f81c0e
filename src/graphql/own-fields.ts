import { type GraphQLSchema, isObjectType } from 'graphql';

/** Which fields of a schema are ours, where a team has combined it with its own. */
export interface OwnFields {
  has(type: string, field: string): boolean;
  /** The cost that we gave to a field of ours, if any. Some tools lose it when they build a schema. */
  costOf(type: string, field: string): unknown;
  /** Whether a schema has only our fields. */
  isAlone(schema: GraphQLSchema): boolean;
}

/** @param own our schema alone */
export function createOwnFields(own: GraphQLSchema): OwnFields {
  const types = new Map(
    Object.values(own.getTypeMap()).map((type) => [
      type.name,
      new Map(isObjectType(type) ? Object.entries(type.getFields()) : []),
    ]),
  );
  const known = new WeakMap<GraphQLSchema, boolean>();
  const has = (type: string, field: string) => types.get(type)?.has(field) ?? false;
  const judge = (schema: GraphQLSchema) =>
    Object.values(schema.getTypeMap()).every((type) => {
      if (type.name.startsWith('__')) return true;
      if (!isObjectType(type)) return types.has(type.name);
      return Object.keys(type.getFields()).every((field) => has(type.name, field));
    });
  return {
    has,
    costOf: (type, field) => types.get(type)?.get(field)?.extensions.complexity,
    isAlone(schema) {
      const isAlone = known.get(schema) ?? judge(schema);
      known.set(schema, isAlone);
      return isAlone;
    },
  };
}
