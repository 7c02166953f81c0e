import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openInMemory } from '../../src/embedded/cluster-cache';

const folder = mkdtempSync(join(tmpdir(), 'tokenfence-cache-'));
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
/** Says what it was opened from: a dump, or `new`. */
async function open(dump?: Blob) {
  const from = dump ? await dump.text() : 'new';
  if (from === 'nonsense') throw new Error('not a dump');
  return { from, dumpDataDir: () => Promise.resolve(new Blob([`dump ${++made}`])) };
}
const from = async (file: string) => (await openInMemory(open, file)).from;

test('a Postgres in memory is made once, then loaded, and made again if its file is damaged', async () => {
  const file = join(folder, 'cache/pglite.tar.gz');
  expect([await from(file), await from(file)]).toEqual(['new', 'dump 1']);
  truncateSync(file, 12);
  expect([await from(file), await from(file)]).toEqual(['new', 'dump 2']);
  const bytes = readFileSync(file);
  bytes[bytes.length - 8]! ^= 1;
  writeFileSync(file, bytes);
  expect([await from(file), await from(file)]).toEqual(['new', 'dump 3']);
  // Two processes at once: each writes a file of its own, and renames it.
  rmSync(file);
  expect(await Promise.all([from(file), from(file)])).toEqual(['new', 'new']);
  expect(await from(file)).toMatch(/^dump [45]$/);
  expect(readdirSync(dirname(file))).toEqual(['pglite.tar.gz']);
});

test('a dump that cannot be opened, and a folder that cannot be written to, only cost time', async () => {
  const file = join(folder, 'nonsense');
  const nonsense = { dumpDataDir: () => Promise.resolve(new Blob(['nonsense'])) };
  await openInMemory(() => Promise.resolve(nonsense), file);
  expect(await from(file)).toBe('new');
  expect(await from(file)).toMatch(/^dump/);
  expect(await from(join(file, 'below/pglite.tar.gz'))).toBe('new');
});
