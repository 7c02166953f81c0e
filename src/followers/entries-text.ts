import { MOST_ENTRIES, textOfMessage } from '../core/follow-messages';
import type { LoggedRevocation } from '../core/revocation';

/**
 * Writes revocations as messages.
 *
 * @param position the node's own position after the last of them
 * @param before that before the first, which the messages before the last one name
 */
export type EntriesText = (
  entries: readonly LoggedRevocation[],
  position: number,
  before: number,
) => readonly Buffer[];

function write(...[entries, position, before]: Parameters<EntriesText>): readonly Buffer[] {
  const texts: Buffer[] = [];
  let from = 0;
  do {
    const to = from + MOST_ENTRIES;
    const isLast = to >= entries.length;
    const part = { entries: entries.slice(from, to), position: isLast ? position : before };
    texts.push(Buffer.from(textOfMessage({ type: 'entries', ...part })));
    from = to;
  } while (from < entries.length);
  return texts;
}

/** Writes what goes to all followers once, and not for each. They share its memory while it waits for them. */
export function createEntriesText(): EntriesText {
  let last: { readonly of: Parameters<EntriesText>; readonly texts: readonly Buffer[] } | undefined;
  return (...args) => {
    if (!last?.of.every((argument, index) => argument === args[index]))
      last = { of: args, texts: write(...args) };
    return last.texts;
  };
}
