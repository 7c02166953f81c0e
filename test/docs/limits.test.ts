import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');

const UNITS: Record<string, number> = { KiB: 1024, MiB: 1024 * 1024, s: 1000, min: 60_000 };

/** What a cell says, in the unit of the code: bytes or ms. */
function amountIn(cell: string): number {
  const [, number, unit = ''] = /^([\d.]+)(?: (\w+))?/.exec(cell) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}

/** The value that a file gives to a name: a number, or a product of numbers. */
function valueOf(file: string, name: string): number {
  const path = join(ROOT, 'src', `${file}.ts`);
  if (!existsSync(path)) throw new Error(`There is no ${path}.`);
  const [, product] =
    new RegExp(`['"]?\\b${name}['"]?(?::| =) ([\\d_.]+(?: \\* [\\d_.]+)*)[,; ]`).exec(
      readFileSync(path, 'utf8'),
    ) ?? [];
  if (product === undefined) throw new Error(`${path} gives no number to ${name}.`);
  return product.split(' * ').reduce((value, factor) => value * Number(factor.replaceAll('_', '')), 1);
}

/** Every row that names a constant: what it limits, the limit, and where the constant is. */
const rows = page
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .flatMap(([, what = '', limit = '', ...others]) => {
    const [, file, name] = /^([a-z.\-/]+) `([\w-]+)`$/.exec(others.at(-2) ?? '') ?? [];
    return file !== undefined && name !== undefined ? [{ what, limit, file, name }] : [];
  });

test('the page of the limits names constants of every part', () => {
  const parts = new Set(rows.map(({ file }) => file.split('/')[0]));
  expect([...parts]).toEqual(
    expect.arrayContaining(['actions', 'graphql', 'http', 'passwords', 'subscriptions']),
  );
});

test.each(rows)('the page says of "$what" what the code says: $limit', ({ limit, file, name }) => {
  expect(amountIn(limit)).toBe(valueOf(file, name));
});
