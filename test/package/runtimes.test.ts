import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ISSUER, trusting } from '../support/guards';
import { installOnce } from '../support/installed';
import { createWorld, type TestNode, type World } from '../support/world';
import { environment, ROOT, run } from './projects';

/** Checks one token before and after its logout, and prints one line of JSON for each thing that it learns. */
const SERVICE = `
  import { createGuard } from 'tokenfence';
  const { options, authorization } = JSON.parse(process.env.GIVEN);
  const guard = await createGuard(options);
  const say = (what) => console.log(JSON.stringify(what));
  const judge = async () => {
    const auth = await guard.authenticate(authorization);
    return auth.ok ? auth.principal.userId : auth.code;
  };
  const ended = new Promise((resolve) => options.redis === undefined ? process.stdin.once('data', resolve) : guard.onRevocation(resolve));
  while (options.redis !== undefined && guard.status().view !== 'current') await new Promise((resolve) => setTimeout(resolve, 20));
  say({ seen: await judge(), bad: (await guard.authenticate('Bearer x.y.z')).code, view: guard.status().view, redis: guard.status().redis });
  await ended;
  say({ seen: await judge() });
  await guard.close();
  say('closed');`;

const SECRET = 'of a service, only for tests: 8Rk3';

let folder: string;
let world: World;
let node: TestNode;
const runtimes: Record<string, readonly string[]> = {};

/** Bun's installer puts the program in its place, unless npm is told to run no such scripts. */
async function findBun(tools: string): Promise<string> {
  const program = join(tools, 'node_modules/bun/bin/bun.exe');
  if (statSync(program).size < 2 ** 20)
    await run(tools, process.execPath, [join(tools, 'node_modules/bun/install.js')]);
  return program;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tokenfence-runtimes-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/tokenfence'), 'dir');
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { tokenfence: '*' } }));
  writeFileSync(join(folder, 'service.mjs'), SERVICE);
  const [tools] = await Promise.all([
    installOnce('bun@1.4.5', 'deno@2.9.6'),
    createWorld().then(async (made) => {
      world = made;
      node = await world.node({ ISSUER, INTROSPECTION_SECRET: SECRET });
    }),
  ]);
  runtimes.bun = [await findBun(tools)];
  runtimes.deno = [
    join(tools, 'node_modules/.bin/deno'),
    'run',
    '--allow-all',
    '--node-modules-dir=manual',
    '--cached-only',
  ];
}, 240_000);
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

test.each(['bun', 'deno'])('in %s, the guard lets a token in until its logout, and closes', async (name) => {
  const { redisUrl } = world;
  const introspection = { url: `${node.url}/oauth/introspect`, secret: SECRET, rememberFor: 0 };
  for (const store of [{ redis: redisUrl }, { introspection }]) {
    const tokens = await node.api.newUser();
    const given = { options: { ...trusting(node), ...store }, authorization: `Bearer ${tokens.accessToken}` };
    const [program, ...args] = [...runtimes[name]!, 'service.mjs'];
    const service = spawn(program, args, {
      cwd: folder,
      env: { ...environment, NODE_OPTIONS: '', GIVEN: JSON.stringify(given) },
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: 60_000,
    });
    const exited = new Promise((resolve) => service.once('exit', resolve));
    const told: unknown[] = [];
    for await (const line of createInterface(service.stdout)) {
      told.push(JSON.parse(line));
      if (told.length > 1) continue;
      await node.api.end('logout', tokens.accessToken);
      service.stdin.end('over\n');
    }
    expect(told).toEqual([
      {
        seen: tokens.user.id,
        bad: 'TOKEN_INVALID',
        view: 'redis' in store ? 'current' : 'off',
        redis: 'redis' in store ? 'reached' : 'off',
      },
      { seen: 'TOKEN_REVOKED' },
      'closed',
    ]);
    expect(await exited).toBe(0);
  }
});
