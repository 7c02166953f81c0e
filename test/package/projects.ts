import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(__dirname, '../..');

/** The environment without the variables of jest, of npm and of a server. */
export const environment: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      /^(PATH|HOME|TMPDIR|USER|LANG|https?_proxy|no_proxy|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS)$/i.test(name) ||
      (/^npm_config_/i.test(name) && !/^npm_config_(local_prefix|prefix|omit|include)$/i.test(name)),
  ),
);
// A link in `node_modules` then behaves like a package that lies there, and resolves others from there.
environment.NODE_OPTIONS = '--preserve-symlinks';

/** Runs a program with a deadline: a server that starts by mistake would keep the tests from ending. */
export const run = (cwd: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(program, args, {
    ...{ cwd, env: { ...environment, ...env }, maxBuffer: 16 * 2 ** 20 },
    timeout: program === 'npm' ? 230_000 : 110_000,
  });

/** npm's entry of an installed package. */
interface Locked {
  readonly version?: string;
  /** The place that it was installed from. */
  readonly resolved?: string;
  readonly optional?: boolean;
  readonly link?: boolean;
}
/** The entries by their paths below a project. */
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
 * Installs packages in a new folder with npm. There is no lock file, as in a project that installs them today, so npm
 * takes any version that the dependencies allow.
 */
export async function install(project: string, ...what: string[]): Promise<Tree> {
  await npmInstall(project, what);
  return treeIn(join(project, 'node_modules/.package-lock.json'));
}

/**
 * Asks npm where it would install two packages of this project, if their dependencies had the versions that are
 * installed here. The packages installed here are then linked from there.
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
  // A package inside another comes with it.
  const atTop = Object.entries(tree).filter(
    ([path, { resolved }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !resolved?.startsWith('file:'),
  );
  for (const [path, { version, optional }] of atTop) {
    const installed = join(ROOT, path);
    // Not installed: made for another platform.
    if (optional && !existsSync(installed)) continue;
    if (here[path]?.version !== version) throw new Error(`npm would install another ${path}: ${version}`);
    mkdirSync(dirname(join(project, path)), { recursive: true });
    symlinkSync(installed, join(project, path), 'dir');
  }
  return tree;
}
