import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type EmbeddedFolder, newEmbeddedFolder } from '../support/embedded-folder';
import { eventually } from '../support/eventually';
import { type NodeProcess, startNodeProcess } from '../support/node-process';
import { freePort } from '../support/servers';

const ROOT = join(__dirname, '../..');

let data: EmbeddedFolder;
/** Takes the place of the checkout. */
let checkout: string;
let auth: NodeProcess;
let service: ChildProcess | undefined;
/** The README, with the ports of this test. */
let readme: string;

const blocksOf = (kind: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);

/** The block that has this text in it. */
function blockWith(kind: string, text: string): string {
  const block = blocksOf(kind).find((each) => each.includes(text));
  if (block === undefined) throw new Error(`The README has no block with ${text}.`);
  return block;
}

/** Runs lines of the shell in the checkout. Returns what they print. */
const run = async (lines: string) =>
  (await promisify(execFile)('bash', ['-c', lines], { cwd: checkout })).stdout;

/** A pattern for the answers that the comments of a block show, with any text for `…`. */
function answersIn(block: string): RegExp {
  const shown = [...block.matchAll(/^# (\{.*)$/gm)].map(([, answer = '']) =>
    answer
      .split('…')
      .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'))
      .join('[^]*'),
  );
  return new RegExp(shown.join('[^]*'));
}

beforeAll(async () => {
  const ports: Record<string, string> = { 4000: String(await freePort()), 4001: String(await freePort()) };
  const printed = await readFile(join(ROOT, 'README.md'), 'utf8');
  readme = printed.replaceAll(/\b400[01]\b/g, (port) => ports[port] ?? port);
  data = await newEmbeddedFolder();
  const PORT = ports[4000];
  auth = await startNodeProcess({ PORT, ISSUER: `http://localhost:${PORT}`, DATA_DIR: data.path });
  checkout = await mkdtemp(join(tmpdir(), 'tokenfence-readme-'));
  await symlink(data.path, join(checkout, '.tokenfence'));
  await mkdir(join(checkout, 'node_modules'));
  for (const name of ['@apollo', 'graphql'])
    await symlink(join(ROOT, 'node_modules', name), join(checkout, 'node_modules', name));
  await symlink(ROOT, join(checkout, 'node_modules/tokenfence'));
});
afterAll(async () => {
  // The shell and its program.
  if (service?.pid !== undefined && service.exitCode === null) process.kill(-service.pid, 'SIGKILL');
  auth.signal('SIGKILL');
  await auth.ended;
  await rm(checkout, { recursive: true });
  await data.remove();
});

test('the README shows what its commands print, and its service refuses a token at once after a logout', async () => {
  const trial = blockWith('sh', 'graphql()').replace(/^node .*server\.mjs$/m, '');
  expect(await run(trial)).toMatch(answersIn(trial));

  await writeFile(join(checkout, 'service.mjs'), blockWith('js', 'createGuard'));
  const starting = blockWith('sh', 'node service.mjs');
  service = spawn('bash', ['-c', starting], { cwd: checkout, detached: true, stdio: 'ignore' });
  const asking = blockWith('sh', '{ whoami }');
  const [, address = ''] = /(http:\/\/127\.0\.0\.1:\d+)$/m.exec(asking) ?? [];
  await eventually(async () => expect((await fetch(address)).status).toBeGreaterThanOrEqual(200));

  const graphql = /^graphql\(\) \{\n.*?^\}$/ms.exec(trial)?.[0];
  expect(await run(`${graphql}\n${asking}`)).toMatch(answersIn(asking));
});
