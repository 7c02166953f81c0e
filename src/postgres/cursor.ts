import { isId } from '../core/claims';
import { badUserInput } from '../core/errors';
import type { Page } from '../core/ports/truth';

/** Encodes the place of a row in a list ordered by time and id. Clients must not rely on its contents. */
export const encodeCursor = (time: string | number, id: string): string =>
  Buffer.from(`${time}|${id}`).toString('base64url');

/**
 * Throws `BAD_USER_INPUT` if it is not a cursor.
 *
 * @param form the form of a time in this list
 */
export function decodeCursor(cursor: string, form: RegExp): [time: string, id: string] {
  const [time = '', id] = Buffer.from(cursor, 'base64url').toString().split('|');
  if (!form.test(time) || !isId(id) || encodeCursor(time, id) !== cursor)
    throw badUserInput('"after" is not a cursor of this list. Use an endCursor that this list returned.');
  return [time, id];
}

/** Makes a page of at most `first` items. One more item shows that there is a next page. */
export const pageOf = <T>(items: Page<T>['items'], first: number): Page<T> => ({
  items: items.slice(0, first),
  hasNextPage: items.length > first,
});
