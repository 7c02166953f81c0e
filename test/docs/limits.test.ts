import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');

const UNITS: Record<string, number> = { KiB: 1024, s: 1000, min: 60_000 };

/** The amount in a cell, in the unit of the code: bytes or ms. */
function amountIn(cell: string): number {
  const [, number, unit = ''] = /^([\d.]+)(?: (\w+))?/.exec(cell) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}

/** The value of a constant in a file: a number, or a product of numbers. */
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

/** The rows that name a constant: what it limits, the limit, and the file of the constant. */
const rows = page
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .flatMap(([, what = '', limit = '', ...others]) => {
    const [, file, name] = /^([a-z.\-/]+) `([\w-]+)`$/.exec(others.at(-2) ?? '') ?? [];
    return file !== undefined && name !== undefined ? [{ what, limit, file, name }] : [];
  });

test('the page of limits names constants of every part', () => {
  const parts = new Set(rows.map(({ file }) => file.split('/')[0]));
  expect([...parts]).toEqual(expect.arrayContaining(['actions', 'graphql', 'http', 'passwords', 'sockets']));
});

test.each(rows)('the documented limit of "$what" is the one in the code: $limit', ({ limit, file, name }) => {
  expect(amountIn(limit)).toBe(valueOf(file, name));
});
