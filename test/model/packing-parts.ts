import type { Bytes } from './packed-states';

export function packList<Item>(
  bytes: Bytes,
  list: readonly Item[],
  pack: (bytes: Bytes, item: Item) => void,
): void {
  bytes.put(list.length);
  for (let index = 0; index < list.length; index += 1) pack(bytes, list[index]!);
}

export function unpackList<Item>(bytes: Bytes, unpack: (bytes: Bytes) => Item): Item[] {
  const list: Item[] = [];
  for (let left = bytes.take(); left > 0; left -= 1) list.push(unpack(bytes));
  return list;
}

export const unpackNumber = (bytes: Bytes) => bytes.take();
export const bit = (flag: boolean) => (flag ? 1 : 0);
export const unpackFlag = (bytes: Bytes) => bytes.take() === 1;

/** Writes whether there is a part, and returns it. */
export function isThere<Part>(bytes: Bytes, part: Part | undefined): part is Part {
  bytes.put(bit(part !== undefined));
  return part !== undefined;
}
