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

/** Runs the program with these arguments. Returns the commands it ran, with what they were given, and the text it wrote. */
async function typed(...words: string[]) {
  const calls: unknown[][] = [];
  let given: unknown[] = [];
  const noted = (handler: string) => () => {
    calls.push([handler, ...given]);
    return Promise.resolve();
  };
  const handlers: Handlers = {
    start: noted('start'),
    guard: noted('guard'),
    doctor: noted('doctor'),
    administer: noted('administer'),
  };
  let written = '';
  const write = (text: string) => void (written += text);
  const program = createProgram(version, handlers);
  program.hook('preAction', (_, command) => {
    given = [command.name(), ...(command.processedArgs as unknown[]), command.opts()];
  });
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
  [['start'], ['start', 'start', {}]],
  [
    ['admin', 'create', 'a@example.com'],
    ['administer', 'create', 'a@example.com', {}],
  ],
  [
    ['admin', 'migrate', '--grant', 'node'],
    ['administer', 'migrate', { grant: 'node' }],
  ],
  [
    ['admin', 'redis', 'off'],
    ['administer', 'redis', 'off', {}],
  ],
  [
    ['admin', 'lease', '500ms'],
    ['administer', 'lease', 500, {}],
  ],
  [
    ['admin', 'list', '--search', 'ada', '--first', '7', '--after', 'x', '--json'],
    ['administer', 'list', { search: 'ada', first: 7, after: 'x', json: true }],
  ],
  [
    ['admin', 'list'],
    ['administer', 'list', { first: 50 }],
  ],
  [
    ['admin', 'disable', 'a@example.com', '--reason', 'why'],
    ['administer', 'disable', 'a@example.com', { reason: 'why' }],
  ],
  [
    ['admin', 'enable', 'a@example.com'],
    ['administer', 'enable', 'a@example.com', {}],
  ],
  [
    ['admin', 'set-role', 'a@example.com', 'ADMIN'],
    ['administer', 'set-role', 'a@example.com', 'ADMIN', {}],
  ],
  [
    ['admin', 'delete', 'a@example.com', '--yes'],
    ['administer', 'delete', 'a@example.com', { yes: true }],
  ],
  [
    ['admin', 'reset', 'a@example.com', '--link'],
    ['administer', 'reset', 'a@example.com', { link: true }],
  ],
  [
    ['admin', 'logout', 'a@example.com'],
    ['administer', 'logout', 'a@example.com', {}],
  ],
  [
    ['admin', 'logout-all', '--yes'],
    ['administer', 'logout-all', { yes: true }],
  ],
  [
    ['admin', 'restored'],
    ['administer', 'restored', {}],
  ],
  [
    ['admin', 'reseal'],
    ['administer', 'reseal', {}],
  ],
])('%j is understood', async (words, call) => {
  const { calls, error } = await typed(...words);
  expect(error).toBeUndefined();
  expect(calls).toEqual([call]);
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
  [['admin', 'list', '--first', '101'], /Write a number from 1 to 100/],
  [['admin', 'list', '--first', '0'], /Write a number from 1 to 100/],
  [['admin', 'list', '--first', '1e1'], /Write a number from 1 to 100/],
  [['admin', 'logout'], /missing required argument 'user'/],
  [['admin', 'logout', 'a@example.com', 'b@example.com'], /too many arguments/],
  [['admin', 'logout', 'a@example.com', '--reason', 'x'.repeat(501)], /Write at most 500 characters/],
  [['admin', 'logout-all', 'a@example.com'], /too many arguments/],
  [['admin', 'set-role', 'a@example.com'], /missing required argument 'role'/],
  [['admin', 'set-role', 'a@example.com', 'root'], /Write USER, ADMIN, or one of ROLES/],
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

test('the help of a command on accounts lists the exit codes', async () => {
  const { written } = await typed('admin', 'logout', '--help');
  expect(written).toMatch(/Exit codes: 0 done and confirmed, .*4 no such user/);
});

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
