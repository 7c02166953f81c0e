import { isId } from '../core/claims';
import { badUserInput } from '../core/errors';
import type { Page } from '../core/ports/truth';

/** Encodes the place of a row in a list ordered by time and id. Clients must not rely on its contents. */
export const encodeCursor = (time: string | number, id: string): string =>
  Buffer.from(`${time}|${id}`).toString('base64url');

const notACursor = () =>
  badUserInput('"after" is not a cursor of this list. Use an endCursor that this list returned.');

/**
 * Throws `BAD_USER_INPUT` if it is not a cursor.
 *
 * @param form the form of a time in this list
 */
export function decodeCursor(cursor: string, form: RegExp): [time: string, id: string] {
  const [time = '', id] = Buffer.from(cursor, 'base64url').toString().split('|');
  if (!form.test(time) || !isId(id) || encodeCursor(time, id) !== cursor) throw notACursor();
  return [time, id];
}

const EMAIL = 'email|';

/** Encodes the place of a user in a list ordered by email. The key stays a place if the user is deleted. */
export const encodeEmailCursor = (key: string): string => Buffer.from(EMAIL + key).toString('base64url');

/** Returns the key. Throws `BAD_USER_INPUT` if it is not a cursor. */
export function decodeEmailCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  const key = text.slice(EMAIL.length);
  // Postgres cannot store U+0000 in a text.
  if (!text.startsWith(EMAIL) || key.includes('\0') || encodeEmailCursor(key) !== cursor) throw notACursor();
  return key;
}

/** Makes a page of at most `first` items. One more item shows that there is a next page. */
export const pageOf = <T>(items: Page<T>['items'], first: number): Page<T> => ({
  items: items.slice(0, first),
  hasNextPage: items.length > first,
});
