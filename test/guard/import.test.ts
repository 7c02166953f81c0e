import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const PROGRAM = `
  const exported = Object.keys(require(process.argv[1]));
  process.stdout.write(JSON.stringify({ exported, loaded: Object.keys(require.cache) }));
`;

/** Packages that only the auth server needs, and optional packages of a service. */
const NOT_NEEDED =
  /node_modules[/\\](ioredis|typeorm|type-graphql|reflect-metadata|pg|fastify|@fastify|@apollo|@as-integrations|express|ws|graphql|graphql-[a-z-]+|@graphql-[a-z-]+|@electric-sql|@node-rs|pino|prom-client|class-validator)[/\\]/;

test('importing the package loads no server, no database and no framework', () => {
  const entry = join(__dirname, '../../dist/src/index.js');
  const output = execFileSync(process.execPath, ['-e', PROGRAM, entry], { encoding: 'utf8' });
  const { exported, loaded } = JSON.parse(output) as Record<'exported' | 'loaded', string[]>;
  expect(exported).toEqual(
    expect.arrayContaining([
      'createGuard',
      'apolloContext',
      'expressGuard',
      'fastifyGuard',
      'graphqlWsGuard',
    ]),
  );
  // A package that it needs, which proves that the list is complete.
  expect(loaded.some((path) => /node_modules[/\\]undici[/\\]/.test(path))).toBe(true);
  expect(loaded.filter((path) => NOT_NEEDED.test(path))).toEqual([]);
});
