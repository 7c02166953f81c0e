import type { LoggedRevocation } from '../core/revocation';

/** Entries that are kept at least. */
const MOST = 10_000;

/**
 * What the view has lately taken in during one joining of the node, so that a follower which comes from another node, or
 * comes back, can go on from where it stood.
 */
export interface Recent {
  /** Notes the next entry of the stream. */
  read(entry: LoggedRevocation): void;
  /** Notes an entry that the stream has not brought. */
  took(entry: LoggedRevocation): void;
  /** Returns what came after the position, and what has no position yet; `undefined` if some of it is gone. */
  after(position: number): readonly LoggedRevocation[] | undefined;
}

/** @param start the position at which the node joined: before it, it has no entries, only what it loaded */
export function createRecent(start: number): Recent {
  let entries: LoggedRevocation[] = [];
  /** The position before the first of the entries. */
  let before = start;
  /**
   * By id. A view may have what no stream will bring for long: it read it in Postgres while Redis was away. A token that it
   * refused for this must not be accepted by a follower.
   */
  const unread = new Map<string, LoggedRevocation>();

  return {
    read(entry) {
      unread.delete(entry.id);
      entries.push(entry);
      // Cut rarely, since it copies them.
      if (entries.length < 2 * MOST) return;
      before += entries.length - MOST;
      entries = entries.slice(-MOST);
    },
    took(entry) {
      unread.set(entry.id, entry);
      for (const id of unread.keys()) {
        if (unread.size <= MOST) return;
        unread.delete(id);
      }
    },
    after(position) {
      // Of a follower that is ahead, the node has nothing that it lacks.
      if (position >= before + entries.length) return [...unread.values()];
      if (position < before) return undefined;
      return [...entries.slice(position - before), ...unread.values()];
    },
  };
}
