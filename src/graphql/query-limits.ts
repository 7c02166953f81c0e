import type {
  BaseContext,
  GraphQLRequestContextDidResolveOperation as ResolvedRequest,
} from '@apollo/server';
import {
  BREAK,
  type DocumentNode,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  visit,
} from 'graphql';
import {
  type ComplexityEstimator,
  type ComplexityEstimatorArgs,
  fieldExtensionsEstimator,
  getComplexity,
  simpleEstimator,
} from 'graphql-query-complexity';
import { MOST_ERRORS } from './documents';
import { requestError } from './errors';
import { introspectionEstimator } from './introspection-cost';
import type { OwnFields } from './own-fields';

/** The most points that an operation may cost. A field costs 1, a list the sum of its items. */
export const HIGHEST_COST = 10_000;

/** Ten mutations and their results fit into a request, a thousand password attempts do not. */
export const COST_OF_MUTATION = 910;

/** A page is one SQL statement, and its sessions are another. Three pages fit into a request. */
export const COST_OF_PAGE = 2500;

/** For texts of hundreds of characters. */
export const COST_OF_TEXT = 5;

/** The most fields of an operation. Fragments count wherever they are used: nested ones double with each level. */
export const MOST_NODES = 2000;

/** The default of `first`. */
export const DEFAULT_ITEMS = 20;

/** The fewest items that a list is charged for: the statement itself has a price. */
export const FEWEST_ITEMS = 10;

/** Returns the cost of a list with a `first` argument. The resolver refuses a `first` out of bounds. */
export const costOfList = ({ args, childComplexity }: ComplexityEstimatorArgs): number => {
  const { first } = args as { first?: number | null };
  return Math.max(first ?? DEFAULT_ITEMS, FEWEST_ITEMS) * (1 + childComplexity);
};

export const costOfPage = (field: ComplexityEstimatorArgs): number => COST_OF_PAGE + costOfList(field);

/** Returns the cost of `_entities`, ours or that of a subgraph of the team: that of a list. */
export const costOfEntities = ({ args, childComplexity }: ComplexityEstimatorArgs): number => {
  const { representations } = args as { readonly representations: readonly unknown[] };
  return Math.max(representations.length, FEWEST_ITEMS) * (1 + childComplexity);
};

/** An operation of a document, with its variables. */
export interface CountedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string;
  readonly variables: Record<string, unknown>;
  /** Left out: the whole schema is ours. */
  readonly own?: OwnFields;
}

const isAlone = ({ own, schema }: Pick<CountedOperation, 'own' | 'schema'>) => !own || own.isAlone(schema);

/** Counts our fields, whatever the schema that they are in has kept of them. */
const ownEstimator =
  (own: OwnFields): ComplexityEstimator =>
  (counted) => {
    const { type, field } = counted;
    if (field.name === '_entities' && type.name === 'Query') return costOfEntities(counted);
    const cost = own.costOf(type.name, field.name);
    if (typeof cost === 'function') return (cost as (args: ComplexityEstimatorArgs) => number)(counted);
    return typeof cost === 'number' ? cost : undefined;
  };

/** Counts no field of another team, unless it has a price: only its author knows how many there are. */
const foreignEstimator =
  (own: OwnFields): ComplexityEstimator =>
  ({ type, field, childComplexity }) =>
    own.has(type.name, field.name) ? undefined : childComplexity;

/** Returns what is wrong with the cost of an operation with valid variables (OWASP ASVS 4.3.1). */
function judgeCost({ document, own, ...operation }: CountedOperation): string | undefined {
  const { schema } = operation;
  let cost: number;
  try {
    cost = getComplexity({
      ...operation,
      query: document,
      maxQueryNodes: MOST_NODES,
      estimators: [
        ...(isAlone({ own, schema }) ? [introspectionEstimator(schema, document, HIGHEST_COST)] : []),
        ...(own ? [ownEstimator(own)] : []),
        fieldExtensionsEstimator(),
        ...(own ? [foreignEstimator(own)] : []),
        simpleEstimator({ defaultComplexity: 1 }),
      ],
    });
  } catch (error) {
    // Too many fields to count, or one that cannot be counted. Refused, as execution would still run the others.
    if (error instanceof GraphQLError) return error.message;
    throw error;
  }
  if (cost <= HIGHEST_COST) return undefined;
  return `This operation costs ${Math.ceil(cost)} points, and ${HIGHEST_COST} are allowed. Request less, or split it up.`;
}

/** The arguments that the estimators read: of lists, of `__type`, of `_entities`, and of `@skip` and `@include`. */
const COUNTED_ARGUMENTS = new Set(['first', 'name', 'representations', 'if']);

/**
 * Whether the document costs the same whatever its variables are.
 *
 * @param isAlone whether all fields are ours: the price of another team's field may depend on any argument
 */
function hasFixedCost(document: DocumentNode, isAlone: boolean): boolean {
  let isFixed = true;
  visit(document, {
    VariableDefinition: () => false,
    Argument: ({ name }) => (!isAlone || COUNTED_ARGUMENTS.has(name.value) ? undefined : false),
    Variable() {
      isFixed = false;
      return BREAK;
    },
  });
  return isFixed;
}

/** What is wrong with the operations of a document, by name. Empty if it depends on their variables. */
type Judged = Map<string | undefined, string | undefined>;
const judgedOf = new WeakMap<DocumentNode, { readonly isFixed: boolean; readonly judged: Judged }>();

/** Returns an error if an operation with valid variables costs too much. Counts it once, if its cost is fixed. */
export function faultOfCost(operation: CountedOperation): GraphQLError | undefined {
  const { document, operationName } = operation;
  const known = judgedOf.get(document) ?? {
    isFixed: hasFixedCost(document, isAlone(operation)),
    judged: new Map() as Judged,
  };
  judgedOf.set(document, known);
  const fault = known.judged.has(operationName) ? known.judged.get(operationName) : judgeCost(operation);
  if (known.isFixed) known.judged.set(operationName, fault);
  return fault === undefined ? undefined : requestError('BAD_USER_INPUT', fault);
}

/** Refuses an operation that costs too much before any of it runs. */
export function refuseCostly(
  { request, document, operation, schema }: ResolvedRequest<BaseContext>,
  own?: OwnFields,
): void {
  const { variables = {}, operationName } = request;
  // No such operation, or invalid variables: execution runs nothing then, and has the better message.
  if (!operation) return;
  const definitions = operation.variableDefinitions ?? [];
  if (getVariableValues(schema, definitions, variables, { maxErrors: MOST_ERRORS }).errors) return;
  const fault = faultOfCost({ schema, document, operationName, variables, own });
  if (fault) throw fault;
}
