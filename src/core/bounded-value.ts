/** Characters of one text and of a stack. */
const LONGEST_TEXT = 1000;
const LONGEST_STACK = 4000;

/** Members of one object or list (the settings are 40), and the depth of nesting, which also ends a cycle. */
const MOST_MEMBERS = 100;
const DEEPEST = 4;

export const clipped = (text: string, longest = LONGEST_TEXT): string =>
  text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;

interface Faulty {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly stack?: unknown;
  readonly driverError?: { readonly code?: unknown };
}

const textOf = (value: unknown, longest?: number) =>
  typeof value === 'string' ? clipped(value, longest) : typeof value === 'number' ? value : undefined;

/**
 * Describes an error for the log: what it is and where it came from. Leaves out all other members: a failed query
 * carries its parameters (hashes, emails, addresses), and Postgres adds the conflicting row. Never throws.
 */
export function described(error: Faulty): object {
  try {
    return {
      type: textOf(error.name),
      message: textOf(error.message),
      code: textOf(error.code ?? error.driverError?.code),
      stack: textOf(error.stack, LONGEST_STACK),
    };
  } catch {
    return { message: '[unreadable]' };
  }
}

function membersOf(value: object, depth: number): unknown {
  if (value instanceof Error) return described(value);
  if (value instanceof Date || value instanceof URL) return clipped(String(value));
  if (depth >= DEEPEST) return Array.isArray(value) ? '[a list]' : '[an object]';
  if (Array.isArray(value)) {
    const items = value.slice(0, MOST_MEMBERS).map((item) => boundedAt(item, depth + 1));
    return value.length > MOST_MEMBERS ? [...items, `… (${value.length} items)`] : items;
  }
  const names = Object.keys(value);
  const members = names
    .slice(0, MOST_MEMBERS)
    .map((name) => [clipped(name), boundedAt((value as Record<string, unknown>)[name], depth + 1)]);
  return Object.fromEntries(
    names.length > MOST_MEMBERS ? [...members, ['…', `${names.length} members`]] : members,
  );
}

function boundedAt(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return clipped(value);
  if (typeof value === 'bigint') return clipped(String(value));
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  try {
    return membersOf(value, depth);
  } catch {
    // A member may throw when it is read.
    return '[unreadable]';
  }
}

/** Copies any value, however large, nested, cyclic or hostile, small enough for one log line. Never throws. */
export const bounded = (value: unknown): unknown => boundedAt(value, 0);

/** Bounds the details of a line, and describes its error: a failed query carries its parameters. */
export const safe = ({ err, ...details }: { readonly err?: unknown }) => ({
  ...(bounded(details) as Record<string, unknown>),
  ...(typeof err === 'object' && err !== null ? { err: described(err) } : {}),
});
