import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(__dirname, '../..');

/** Neither what jest and npm say to their children, nor settings of a server. */
export const environment: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      /^(PATH|HOME|TMPDIR|USER|LANG|https?_proxy|no_proxy|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS)$/i.test(name) ||
      (/^npm_config_/i.test(name) && !/^npm_config_(local_prefix|prefix|omit|include)$/i.test(name)),
  ),
);
// A link in `node_modules` is then a package that lies there, and finds others as it would there.
environment.NODE_OPTIONS = '--preserve-symlinks';

/** With a deadline: a server that starts where it should refuse would keep the tests from ending. */
export const run = (cwd: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(program, args, {
    ...{ cwd, env: { ...environment, ...env }, maxBuffer: 16 * 2 ** 20 },
    timeout: program === 'npm' ? 230_000 : 110_000,
  });

/** What npm writes down of a package that it installs. */
interface Locked {
  readonly version?: string;
  /** Where it comes from. */
  readonly resolved?: string;
  readonly optional?: boolean;
  readonly link?: boolean;
}
/** By the paths below a project. */
export type Tree = Readonly<Record<string, Locked>>;

export const treeIn = (lockFile: string): Tree =>
  (JSON.parse(readFileSync(lockFile, 'utf8')) as { readonly packages: Tree }).packages;

const MANIFEST = { name: 'service', version: '1.0.0', private: true };

async function npmInstall(project: string, what: readonly string[]): Promise<void> {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'package.json'), JSON.stringify(MANIFEST));
  await run(project, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...what]);
}

/**
 * Has npm install packages in a new folder. Without a lock file, as in a project that installs them today: what their
 * dependencies allow is what it meets.
 */
export async function install(project: string, ...what: string[]): Promise<Tree> {
  await npmInstall(project, what);
  return treeIn(join(project, 'node_modules/.package-lock.json'));
}

/**
 * Has npm say where it would install two packages of this project, if what they depend on had the versions that are
 * installed here. What is installed here is then linked to from there.
 *
 * @param like a project that npm has installed `tokenfence` in
 */
export async function layOut(project: string, like: string, ...what: string[]): Promise<Tree> {
  const here = treeIn(join(ROOT, 'package-lock.json'));
  const known = Object.entries(here).filter(([path, { link }]) => path.startsWith('node_modules/') && !link);
  const packages = { '': MANIFEST, ...Object.fromEntries(known) };
  mkdirSync(project);
  writeFileSync(
    join(project, 'package-lock.json'),
    JSON.stringify({ ...MANIFEST, lockfileVersion: 3, packages }),
  );
  await npmInstall(project, ['--package-lock-only', ...what]);
  const tree = treeIn(join(project, 'package-lock.json'));
  for (const path of ['node_modules/.bin', 'node_modules/tokenfence'])
    cpSync(join(like, path), join(project, path), { recursive: true, verbatimSymlinks: true });
  // What lies in another package comes with it.
  const atTop = Object.entries(tree).filter(
    ([path, { resolved }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !resolved?.startsWith('file:'),
  );
  for (const [path, { version, optional }] of atTop) {
    const installed = join(ROOT, path);
    // For another platform.
    if (optional && !existsSync(installed)) continue;
    if (here[path]?.version !== version) throw new Error(`npm would install another ${path}: ${version}`);
    mkdirSync(dirname(join(project, path)), { recursive: true });
    symlinkSync(installed, join(project, path), 'dir');
  }
  return tree;
}
