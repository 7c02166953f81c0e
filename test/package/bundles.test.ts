import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type BuildOptions } from 'esbuild';
import webpack, { type Configuration } from 'webpack';
import { ROOT, run } from './projects';
import { CHECKED, CHECKS } from './services';

let folder: string;
/** Holds bundles and no packages. */
let bare: string;

const SERVICE = `import { generateKeyPairSync } from 'node:crypto';
import { GraphQLError } from 'graphql';
import { apolloContext, createGuard, GuardOptionsError, requireUser } from 'tokenfence';
void (async () => {${CHECKS}})();`;

const PAGE = `import { createSession } from 'tokenfence/client';
globalThis.started = createSession({ url: 'https://auth.example.com/graphql' });
console.log(typeof globalThis.started.login);`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokenfence-bundles-'));
  bare = mkdtempSync(join(tmpdir(), 'tokenfence-bare-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/tokenfence'), 'dir');
  symlinkSync(join(ROOT, 'node_modules/graphql'), join(folder, 'node_modules/graphql'), 'dir');
  writeFileSync(join(folder, 'service.mjs'), SERVICE);
  writeFileSync(join(folder, 'page.mjs'), PAGE);
});
afterAll(async () => {
  for (const made of [folder, bare]) await rm(made, { recursive: true, force: true });
});

/** Runs a bundle where no package can be found. Resolves with what it prints. */
const printed = async (file: string): Promise<string> => (await run(bare, process.execPath, [file])).stdout;

async function withEsbuild(entry: string, outfile: string, how: BuildOptions) {
  const { warnings } = await build({
    ...{ absWorkingDir: folder, entryPoints: [entry], outfile: join(bare, outfile), bundle: true },
    ...{ logLevel: 'silent', ...how },
  });
  expect(warnings).toEqual([]);
}

async function withWebpack(entry: string, filename: string, how: Configuration) {
  const compiler = webpack({
    ...{ context: folder, mode: 'development', devtool: false, entry: `./${entry}` },
    ...{ output: { path: bare, filename }, ...how },
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({
    errors: [],
    warnings: [],
  });
}

test('a service bundled by esbuild guards itself, without a package beside it', async () => {
  await withEsbuild('service.mjs', 'esbuild.cjs', { platform: 'node', format: 'cjs' });
  expect(JSON.parse(await printed('esbuild.cjs'))).toEqual(CHECKED);
  // In an ES module, what is CommonJS needs a `require`. docs/guard.md says so.
  const js = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  await withEsbuild('service.mjs', 'esbuild.mjs', { platform: 'node', format: 'esm', banner: { js } });
  expect(JSON.parse(await printed('esbuild.mjs'))).toEqual(CHECKED);
});

test('a service bundled by webpack guards itself, without a package beside it', async () => {
  await withWebpack('service.mjs', 'webpack.cjs', { target: 'node' });
  expect(JSON.parse(await printed('webpack.cjs'))).toEqual(CHECKED);
});

test('a page bundled for browsers holds nothing of Node', async () => {
  await withEsbuild('page.mjs', 'page-esbuild.mjs', { platform: 'browser', format: 'esm' });
  await withWebpack('page.mjs', 'page-webpack.cjs', { target: 'web' });
  for (const file of ['page-esbuild.mjs', 'page-webpack.cjs']) expect(await printed(file)).toBe('function\n');
});
