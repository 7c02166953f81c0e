import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../package/projects';
import { installOnce } from '../support/installed';
import { EXAMPLES } from './example-process';

const ROOT = join(EXAMPLES, '..');

/** Copies an example with packages of its own to where they are installed, and builds it. Returns the copy's folder. */
export async function buildCopy(example: string): Promise<string> {
  const source = join(EXAMPLES, example);
  const { dependencies } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
    readonly dependencies: Record<string, string>;
  };
  const others = Object.entries(dependencies).filter(([name]) => name !== 'tokenfence');
  const installed = await installOnce(...others.map((pair) => pair.join('@')));
  const copy = mkdtempSync(join(installed, 'copy-'));
  cpSync(source, copy, { recursive: true, filter: (path) => !/[/\\](dist|node_modules)$/.test(path) });
  // Not a link: from there, it would find another copy of `graphql`.
  for (const part of ['package.json', 'dist'])
    cpSync(join(ROOT, part), join(copy, 'node_modules/tokenfence', part), { recursive: true });
  await run(copy, process.execPath, [require.resolve('typescript/bin/tsc')]);
  return copy;
}
