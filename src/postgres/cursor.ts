import { badUserInput } from '../core/errors';
import type { Page } from '../core/page';

const SEPARATOR = '|';

/** Encodes a cursor. Clients must not rely on its contents. */
export function encodeCursor(...parts: (string | number)[]): string {
  return Buffer.from(parts.join(SEPARATOR)).toString('base64url');
}

export const notACursor = () =>
  badUserInput('"after" is not a cursor of this list. Use an endCursor that this list returned.');

/** Throws `BAD_USER_INPUT` if the cursor does not have `count` parts. */
export function decodeCursor(cursor: string, count: number): string[] {
  const parts = Buffer.from(cursor, 'base64url').toString().split(SEPARATOR);
  if (parts.length !== count || encodeCursor(...parts) !== cursor) {
    throw notACursor();
  }
  return parts;
}

/** Makes a page of at most `first` rows. One more row shows that there is a next page. */
export function pageOf<T>(rows: T[], first: number, cursorOf: (row: T) => string): Page<T> {
  return {
    items: rows.slice(0, first).map((node) => ({ node, cursor: cursorOf(node) })),
    hasNextPage: rows.length > first,
  };
}
