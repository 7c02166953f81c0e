import { badUserInput } from '../core/errors';
import type { Page } from '../core/page';

const SEPARATOR = '|';

/** Cursors are opaque to clients: nothing is promised about what they hold. */
export function encodeCursor(...parts: (string | number)[]): string {
  return Buffer.from(parts.join(SEPARATOR)).toString('base64url');
}

export const notACursor = () =>
  badUserInput('"after" is not a cursor of this list. Use an endCursor that it answered.');

/** Throws `BAD_USER_INPUT` for what is not a cursor of `count` parts. */
export function decodeCursor(cursor: string, count: number): string[] {
  const parts = Buffer.from(cursor, 'base64url').toString().split(SEPARATOR);
  if (parts.length !== count || encodeCursor(...parts) !== cursor) {
    throw notACursor();
  }
  return parts;
}

/** Makes a page of rows that were asked for with one more than wanted, to see whether there is a next page. */
export function pageOf<T>(rows: T[], first: number, cursorOf: (row: T) => string): Page<T> {
  return {
    items: rows.slice(0, first).map((node) => ({ node, cursor: cursorOf(node) })),
    hasNextPage: rows.length > first,
  };
}
