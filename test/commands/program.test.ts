import type { CommanderError } from 'commander';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createProgram, type Handlers } from '../../src/commands/program';
import { version } from '../../src/server/version';

const manifest = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
  version: string;
};

/** Runs the program with these arguments. Returns the handler it called and the text it wrote. */
async function typed(...words: string[]) {
  const calls: unknown[][] = [];
  const noted =
    (name: string) =>
    (...args: unknown[]) => {
      calls.push([name, ...args]);
      return Promise.resolve();
    };
  const handlers = Object.fromEntries(
    ['start', 'createAdministrator', 'switchRedis', 'changeLease', 'restored', 'reseal', 'doctor'].map(
      (name) => [name, noted(name)],
    ),
  ) as unknown as Handlers;
  let written = '';
  const write = (text: string) => void (written += text);
  const program = createProgram(version, handlers);
  const quieten = (command: typeof program) => {
    command.configureOutput({ writeErr: write, writeOut: write });
    command.commands.forEach(quieten);
  };
  quieten(program);
  const error: unknown = await program.parseAsync(words, { from: 'user' }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { calls, written, error: error as CommanderError | undefined };
}

test.each<[string[], unknown[]]>([
  [['start'], ['start']],
  [
    ['admin', 'create', 'a@example.com'],
    ['createAdministrator', 'a@example.com'],
  ],
  [
    ['admin', 'redis', 'off'],
    ['switchRedis', 'off'],
  ],
  [
    ['admin', 'lease', '500ms'],
    ['changeLease', 500],
  ],
  [['admin', 'restored'], ['restored']],
  [['admin', 'reseal'], ['reseal']],
])('%j calls its handler', async (words, [name, ...args]) => {
  const { calls, error } = await typed(...words);
  expect(error).toBeUndefined();
  expect(calls[0]!.slice(0, args.length + 1)).toEqual([name, ...args]);
});

test.each<[string[], RegExp]>([
  [['strat'], /unknown command 'strat'\n\(Did you mean start\?\)/],
  [['nonsense'], /unknown command 'nonsense'/],
  [['start', 'now'], /too many arguments/],
  [['--vresion'], /unknown option '--vresion'\n\(Did you mean --version\?\)/],
  [['--port', '5000'], /unknown option '--port'/],
  [['start', '--port'], /unknown option '--port'/],
  [['admin'], /Usage: tokenfence admin/],
  [['admin', 'creat', 'a@example.com'], /unknown command 'creat'\n\(Did you mean create\?\)/],
  [['admin', 'create'], /missing required argument 'email'/],
  [['admin', 'create', '--help-me'], /unknown option '--help-me'/],
  [['admin', 'create', 'a@example.com', 'b@example.com'], /too many arguments/],
  [['admin', 'redis', 'maybe'], /Allowed choices are on, off/],
  [['admin', 'lease', 'soon'], /Write a duration from 100ms to 10s/],
  [['admin', 'lease', '1h'], /Write a duration from 100ms to 10s/],
  [['admin', 'restored', 'x'], /too many arguments/],
  [['admin', 'reseal', 'x'], /too many arguments/],
])('%j does nothing and prints a sentence', async (words, sentence) => {
  const { calls, written, error } = await typed(...words);
  expect(calls).toEqual([]);
  expect(error?.exitCode).toBe(1);
  expect(written).toMatch(sentence);
});

test.each([['--help'], ['-h'], ['help'], ['admin', '--help'], ['--version']])(
  '%s answers, and does nothing else',
  async (...words) => {
    const { calls, written, error } = await typed(...words);
    expect(calls).toEqual([]);
    expect(error?.exitCode).toBe(0);
    expect(written).toMatch(words[0] === '--version' ? manifest.version : /Usage: tokenfence/);
  },
);

test('an unknown command ends the process with 2 and starts no server', async () => {
  const run = (...words: string[]) =>
    promisify(execFile)(process.execPath, [join(__dirname, '../../dist/src/main.js'), ...words], {
      env: { PATH: process.env.PATH, DATA_DIR: '/dev/null/nowhere' },
    });
  expect(await run('--version')).toEqual({ stdout: `${manifest.version}\n`, stderr: '' });
  await expect(run('serve')).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining("unknown command 'serve'"),
  });
});
