/** Bytes of JSON that an application may add to an access token. */
export const LARGEST_CLAIMS = 2048;

/** How deep objects and arrays may be nested. Ends a circle too. */
const DEEPEST = 16;

const isPlain = (value: object) => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Says what JSON would lose or change. `undefined` as a property is left out, as JSON does. */
function faultOf(value: unknown, name: string, depth = 0): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${name} is ${value}`;
  if (typeof value !== 'object') return `${name} is of type ${typeof value}`;
  if (depth > DEEPEST) return `${name} is nested too deeply`;
  if (Array.isArray(value)) {
    const faults = Array.from(value, (item, index) => faultOf(item, `${name}[${index}]`, depth + 1));
    return faults.find((fault) => fault !== undefined);
  }
  if (!isPlain(value)) return `${name} is a ${value.constructor.name}, not a plain object`;
  for (const [key, member] of Object.entries(value)) {
    const fault = member === undefined ? undefined : faultOf(member, `${name}.${key}`, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Says what is wrong with the claims in a token, if anything. */
export function faultOfClaims(value: unknown): string | undefined {
  if (!isObject(value)) return 'claims is not an object';
  return Buffer.byteLength(JSON.stringify(value)) > LARGEST_CLAIMS
    ? `claims has more than ${LARGEST_CLAIMS} bytes of JSON`
    : undefined;
}

/**
 * Copies what a callback returned as claims.
 *
 * @throws Error if it is not a plain object, would change as JSON, or is too large
 */
export function copyOfClaims(value: unknown): Readonly<Record<string, unknown>> {
  const fault = (isObject(value) ? faultOf(value, 'claims') : undefined) ?? faultOfClaims(value);
  if (fault !== undefined) throw new Error(`The callback claims returned what no token can carry: ${fault}.`);
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
}
