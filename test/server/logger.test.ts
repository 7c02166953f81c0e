import { createLogger } from '../../src/server/logger';

function logInto(lines: string[], now?: () => number) {
  return createLogger('debug', { write: (line: string) => void lines.push(line) }, now);
}

const written = (details: object, message = 'Said.'): Record<string, any> => {
  const lines: string[] = [];
  logInto(lines).info(details, message);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, any>;
};

test('a line is bounded for huge, many, nested, cyclic and hostile values', () => {
  const cyclic: Record<string, unknown> = { name: 'a' };
  cyclic.self = cyclic;
  const details = {
    huge: 'x'.repeat(1_000_000),
    many: Array.from({ length: 100_000 }, (_, i) => i),
    wide: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])),
    cyclic,
    big: 10n ** 30n,
    hostile: {
      get secret(): string {
        throw new Error('not to be read');
      },
    },
    inside: { list: [{ text: 'y'.repeat(1_000_000) }] },
  };
  const line = written(details, 'm'.repeat(1_000_000));
  expect(JSON.stringify(line).length).toBeLessThan(10_000);
  expect(line).toMatchObject({ big: '1000000000000000000000000000000', hostile: '[unreadable]' });
});

test('an error is logged as name, message, code and stack, only, within a limit', () => {
  const error = Object.assign(new Error('e'.repeat(1_000_000)), {
    code: '23505',
    parameters: ['a password'],
  });
  for (const line of [written({ err: error }), written(error), written({ cause: { error } })]) {
    const text = JSON.stringify(line);
    expect(text).toContain('23505');
    expect(text).not.toContain('a password');
    expect(text.length).toBeLessThan(6000);
  }
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('not to be read');
    },
  });
  expect(written({ err: hostile }).err.message).toBe('[unreadable]');
});

test('one cause writes at most twenty lines a second, and the next line counts the missing ones', () => {
  let now = 0;
  const lines: string[] = [];
  const logger = logInto(lines, () => now);
  const child = logger.child({ requestId: 'a' });
  for (let i = 0; i < 1000; i++) child.error({ err: new Error('again') }, 'Unexpected error.');
  logger.warn({}, 'Something else.');
  expect(lines).toHaveLength(21);
  now += 1000;
  child.error({}, 'Unexpected error.');
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ leftOut: 980, requestId: 'a', msg: 'Unexpected error.' });
});

test('messages that differ each time share one limit', () => {
  const lines: string[] = [];
  const logger = logInto(lines, () => 0);
  for (let i = 0; i < 10_000; i++) logger.warn({}, `Warning ${i}.`);
  expect(lines.length).toBeLessThanOrEqual(220);
});
