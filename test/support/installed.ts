import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run } from '../package/projects';

/** Below node_modules: `npm ci` removes it, and no tool looks into it. */
const CACHE = join(ROOT, 'node_modules/.cache/tests');

/**
 * Installs packages that few tests need and that are too heavy for every `npm ci`. They stay installed for the next run.
 * Returns the folder whose `node_modules` holds them.
 *
 * @param packages each with its exact version
 */
export async function installOnce(...packages: readonly string[]): Promise<string> {
  const name = createHash('sha256')
    .update([...packages].sort().join(' '))
    .digest('hex')
    .slice(0, 16);
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const made = mkdtempSync(join(CACHE, 'new-'));
  writeFileSync(join(made, 'package.json'), JSON.stringify({ name: 'tools', private: true }));
  await run(made, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages]);
  try {
    renameSync(made, folder);
  } catch (error) {
    // Another test file was quicker.
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
