import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { eventually } from '../support/eventually';
import { installOnce } from '../support/installed';
import { freePort } from '../support/servers';
import { environment, install, layOut, ROOT, run, type Tree } from './projects';
import { APPLICATION, CHECKED, CHECKS, PROGRAM } from './services';
import { type Compiler, faultsOfTypes } from './types';

interface Manifest {
  readonly version: string;
  readonly engines: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { readonly optional: boolean }>;
}
const readManifest = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
const manifest = readManifest(join(ROOT, 'package.json'));
/** The package that lists the dependencies of the server. */
const server = readManifest(join(ROOT, 'packages/server/package.json'));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tokenfence-package-')));

/** A service that checks tokens: it has its own GraphQL and none of the server's packages. */
const lean = join(folder, 'lean');
/** A folder for the server, with both packages and their dependencies. */
const full = join(folder, 'full');

const node = async (cwd: string, ...args: string[]) => (await run(cwd, process.execPath, args)).stdout;
/** Runs a tool of this project. */
const tool = (name: string, ...args: string[]) => run(folder, join(ROOT, 'node_modules/.bin', name), args);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed;
let packedServer: Packed;
let tarball: string;
let treeOfLean: Tree;
let treeOfFull: Tree;

beforeAll(async () => {
  // Without prepack, which would delete the build that other tests use. It was built before them.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder, '.', './packages/server'];
  const { stdout } = await run(ROOT, 'npm', pack);
  [packed, packedServer] = JSON.parse(stdout) as [Packed, Packed];
  tarball = join(folder, packed.filename);
  treeOfLean = await install(lean, tarball, 'graphql@16.15.0');
  treeOfFull = await layOut(full, lean, tarball, join(folder, packedServer.filename));
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));

test('the package holds code, types and documents, and nothing else', () => {
  const paths = packed.files.map(({ path }) => path);
  const others = paths.filter(
    (path) => !/^dist\/(src|client|migrations)\/[^.]+(\.[a-z-]+)?\.(js|d\.ts)$/.test(path),
  );
  const examples = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' });
  expect(others.sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist/client/package.json',
    ...readdirSync(join(ROOT, 'docs'))
      .sort()
      .map((page) => `docs/${page}`),
    ...examples
      .filter((path) => /^[^/]+\/([^/]+\.\w+|Caddyfile)$/.test(path))
      .sort()
      .map((path) => `examples/${path}`),
    'package.json',
    'schema.graphql',
  ]);
  expect(paths).toEqual(
    expect.arrayContaining(['dist/src/index.js', 'dist/src/index.d.ts', 'dist/src/main.js']),
  );
  expect(paths.filter((path) => path.startsWith('dist/migrations/')).length).toBeGreaterThan(0);
});

test('the server’s package holds a list, and GraphiQL with its licenses', () => {
  expect(packedServer.files.map(({ path }) => path).sort()).toEqual([
    'LICENSE',
    'README.md',
    ...[
      'LICENSE.graphql-ws.txt',
      'LICENSE.render-graphiql.txt',
      'editor.worker.js',
      'graphiql.css',
      'graphiql.js',
      'graphql-ws.js',
      'graphql.worker.js',
      'index.html',
      'json.worker.js',
      'page.js',
    ].map((file) => `dist/graphiql/${file}`),
    'package.json',
  ]);
});

test('the server’s package lists the optional peers of the other in exact versions', () => {
  const { graphql: guardsGraphql, ...peers } = manifest.peerDependencies;
  const { graphql: serversGraphql, ...others } = server.peerDependencies;
  expect(Object.keys(server.dependencies).sort()).toEqual(Object.keys(peers).sort());
  expect(
    Object.values(server.dependencies).filter((range) => !/^\d+\.\d+\.\d+(-[a-z0-9.]+)?$/.test(range)),
  ).toEqual([]);
  // A service may use any version of them: the guard loads none.
  expect(new Set(Object.values(peers))).toEqual(new Set(['*']));
  expect(manifest.peerDependenciesMeta).toEqual(
    Object.fromEntries(Object.keys(manifest.peerDependencies).map((name) => [name, { optional: true }])),
  );
  // All share one graphql, so it is also a peer of the server.
  expect([guardsGraphql, serversGraphql, others]).toEqual(['>=16.3.0 <18', '^16.12.0', {}]);
  expect(server).toMatchObject({ version: manifest.version, engines: manifest.engines });
});

test('a plain installation brings the guard and none of the server’s packages', () => {
  const names = Object.keys(treeOfLean).map((path) => path.replace(/^.*node_modules\//, ''));
  expect(names).toEqual(expect.arrayContaining(['tokenfence', ...Object.keys(manifest.dependencies)]));
  expect(names.filter((name) => name in server.dependencies)).toEqual([]);
  expect(Object.values(treeOfLean).filter(({ optional }) => optional)).toEqual([]);
});

test('both packages can be installed together, with the server’s dependencies beside the guard', () => {
  const placed = Object.keys(server.dependencies).map((name) => [
    name,
    treeOfFull[`node_modules/${name}`]?.version,
  ]);
  expect(Object.fromEntries(placed)).toEqual(server.dependencies);
  expect(Object.keys(treeOfFull)).toEqual(
    expect.arrayContaining(['node_modules/tokenfence', 'node_modules/tokenfence-server']),
  );
});

test('the package holds every file that its pages link to', () => {
  const paths = packed.files.map(({ path }) => path);
  const pages = paths.filter((path) => path.endsWith('.md'));
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^)#\s]+)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^https?:/.test(target) && !paths.includes(join(dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('publint finds no fault', async () => {
  expect((await tool('publint', 'run', tarball, '--strict')).stdout).toContain('All good!');
});

test('the types are found in every module resolution', async () => {
  const { stdout } = await tool('attw', tarball, '--no-definitely-typed', '--format', 'json');
  expect(JSON.parse(stdout)).toMatchObject({ analysis: { problems: [] } });
});

test.each([
  ['alone', lean],
  ['with the server', full],
])('installed %s, the package guards a service by ESM imports and by require', async (_how, project) => {
  const names = 'apolloContext, createGuard, GuardOptionsError, requireUser';
  writeFileSync(
    join(project, 'service.mjs'),
    `import { generateKeyPairSync } from 'node:crypto';
     import { GraphQLError } from 'graphql';
     import { ${names} } from 'tokenfence';${CHECKS}`,
  );
  writeFileSync(
    join(project, 'service.cjs'),
    `const { generateKeyPairSync } = require('node:crypto');
     const { GraphQLError } = require('graphql');
     const { ${names} } = require('tokenfence');
     void (async () => {${CHECKS}})();`,
  );
  for (const service of ['service.mjs', 'service.cjs'])
    expect(JSON.parse(await node(project, service))).toEqual(CHECKED);
});

test.each(['tokenfence', 'tokenfence/client', 'tokenfence/testing'])(
  '%s loads none of the server’s packages',
  async (entry) => {
    const loaded = JSON.parse(
      await node(
        full,
        '-p',
        `require('${entry}');
       JSON.stringify([...new Set(Object.keys(require.cache).map(
         (file) => /.*node_modules[/\\\\]((?:@[^/\\\\]+[/\\\\])?[^/\\\\]+)/.exec(file)?.[1]))])`,
      ),
    ) as string[];
    const needed = entry === 'tokenfence' ? Object.keys(manifest.dependencies) : [];
    expect(loaded).toEqual(expect.arrayContaining(['tokenfence', ...needed]));
    expect(loaded.filter((name) => name in manifest.peerDependencies)).toEqual([]);
    // A page, and a test of a service, do without the packages of the guard too.
    if (entry !== 'tokenfence') expect(loaded).toEqual(['tokenfence']);
  },
);

const { version: ours } = readManifest(join(ROOT, 'node_modules/typescript/package.json'));
describe.each(['5.4.5', '5.9.3', ours])('TypeScript %s', (version) => {
  let compiler: Compiler;
  beforeAll(async () => {
    const of = version === ours ? ROOT : await installOnce(`typescript@${version}`);
    compiler = (await import(join(of, 'node_modules/typescript'))) as Compiler;
  }, 240_000);

  const RESOLUTIONS = [
    { moduleResolution: 'node16', module: 'node16', names: ['mts', 'cts'] },
    { moduleResolution: 'bundler', module: 'esnext', names: ['ts'] },
    // What `module: commonjs` brings before TypeScript 6.
    ...(version === ours
      ? []
      : [{ moduleResolution: 'node10', module: 'commonjs', esModuleInterop: true, names: ['ts'] }]),
  ];
  test.each(RESOLUTIONS)('finds no fault in the types under moduleResolution $moduleResolution', (how) => {
    const { names, ...options } = how;
    // A service has no other types installed than those of Node. An application has those of its GraphQL server.
    for (const [project, program] of [
      [lean, PROGRAM],
      [full, APPLICATION],
    ] as const) {
      const files = names.map((name) => join(project, `program.${name}`));
      for (const file of files) writeFileSync(file, program);
      expect(faultsOfTypes(compiler, files, options)).toEqual([]);
    }
  });
});

test('npx tokenfence starts the installed server in another folder', async () => {
  const port = await freePort();
  cpSync(process.env.PREPARED_EMBEDDED_FOLDER ?? '', join(full, '.tokenfence'), { recursive: true });
  // In a process group of its own, because npx stands between the test and the server.
  const child = spawn('npx', ['--no', 'tokenfence'], {
    cwd: full,
    env: { ...environment, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const signal = (name: NodeJS.Signals) => child.pid !== undefined && process.kill(-child.pid, name);
  try {
    const ready = await eventually(async () => {
      if (child.exitCode !== null) return output;
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
    }, 60_000);
    expect(ready).toMatchObject({ status: 'ready', view: 'current' });
    expect(output).toContain('This is the embedded mode');
    signal('SIGTERM');
    await ended;
  } finally {
    if (child.exitCode === null && child.signalCode === null) signal('SIGKILL');
  }
});

/** Runs the installed command, as npx does. */
const command = (project: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
  run(project, join(project, 'node_modules/.bin/tokenfence'), args, env);

test('the installed command answers --help and --version without the server’s packages', async () => {
  for (const project of [lean, full]) {
    expect((await command(project, ['--help'])).stdout).toMatch(/Usage: tokenfence/);
    expect((await command(project, ['--version'])).stdout).toBe(`${manifest.version}\n`);
  }
  const postgres = new Client({ connectionString: process.env.SHARED_POSTGRES });
  await postgres.connect();
  const name = `package_${process.pid}`;
  await postgres.query(`create database ${name}`);
  const address = new URL(process.env.SHARED_POSTGRES ?? '');
  address.pathname = `/${name}`;
  const settings = { DATABASE_URL: address.href, SECRET: 'only for tests: 7Qm2vX9kLpZ4rT8wYb3n' };
  const made = await command(full, ['admin', 'create', 'root@example.com'], settings);
  expect(made.stdout).toMatch(/Created the administrator root@example\.com\./);
  await postgres.query(`drop database ${name}`);
  await postgres.end();
});

test('the installed tokenfence guard runs without the server’s packages, and with Redis asks for ioredis', async () => {
  const secret = { INTROSPECTION_SECRET: 'between services: 4Hk8sWq2Zt6Yv0Lm' };
  const [port, nowhere] = [await freePort(), await freePort()];
  const child = spawn(join(lean, 'node_modules/.bin/tokenfence'), ['guard'], {
    cwd: lean,
    env: { ...environment, ...secret, PORT: String(port), SERVER_URL: `http://127.0.0.1:${nowhere}` },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const alive = await eventually(
      async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).json(),
      60_000,
    );
    expect(alive).toEqual({ status: 'alive' });
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
  const refused = command(lean, ['guard'], { ...secret, REDIS_URL: 'redis://127.0.0.1' });
  await expect(refused).rejects.toMatchObject({ code: 1 });
  const { stderr } = (await refused.catch((error: unknown) => error)) as { stderr: string };
  expect(stderr).toContain(
    'REDIS_URL needs the package ioredis, which is not installed: npm install ioredis',
  );
});

test('without the server’s packages, npx tokenfence says what to do', async () => {
  const refused = run(lean, 'npx', ['--no', 'tokenfence']);
  await expect(refused).rejects.toMatchObject({ code: 1 });
  const { stderr } = (await refused.catch((error: unknown) => error)) as { stderr: string };
  expect(stderr).toMatch(
    /The server needs the package \S+, which is not installed\. Install tokenfence-server beside tokenfence\./,
  );
  expect(stderr).not.toMatch(/^\s+at /m);
});
