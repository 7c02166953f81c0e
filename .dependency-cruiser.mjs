// Imports run one way. `npm run lint` proves it by this, folder by folder: a new file is held to the rules of its folder
// without being named here, and a folder that is missing here may import nothing.

/** Which other folders of src each folder may import. */
const mayImport = {
  core: [],
  client: [],
  config: ['core'],
  'http-client': ['core'],
  passwords: ['core', 'http-client'],
  audit: ['core'],
  postgres: ['core'],
  embedded: ['core'],
  'rate-limits': ['core'],
  metrics: ['core'],
  mail: ['core'],
  tokens: ['core', 'http-client'],
  protocol: ['core'],
  redis: ['core', 'protocol'],
  followers: ['core', 'protocol'],
  revocation: ['core', 'protocol'],
  guard: ['core', 'http-client', 'tokens', 'protocol', 'redis', 'revocation'],
  verify: ['core', 'config', 'http-client', 'guard'],
  actions: ['core', 'revocation', 'guard'],
  graphql: ['core', 'guard', 'actions'],
  subscriptions: ['core', 'revocation', 'guard', 'actions', 'graphql'],
  http: ['core', 'followers', 'revocation', 'guard', 'actions', 'graphql', 'subscriptions', 'verify'],
  testing: ['core', 'guard', 'server'],
  server: ['*'],
  commands: ['*'],
};

/** Nothing imports these but what is named: they put the others together. */
const importers = { server: ['commands', 'testing'], commands: [], testing: [] };

/** Packages that only one folder may know, or a few, and what puts it together with the others. */
const soleImporters = {
  jsonwebtoken: 'tokens',
  '@node-rs/argon2': 'passwords',
  bcryptjs: 'passwords',
  nodemailer: 'mail',
  typeorm: 'postgres',
  pg: 'postgres',
  ioredis: 'redis',
  'rate-limiter-flexible': 'rate-limits',
  '@electric-sql/pglite': 'embedded',
  'type-graphql': 'graphql',
  fastify: 'http',
  'prom-client': 'metrics',
  undici: 'http-client',
  ws: ['subscriptions', 'followers'],
  'graphql-ws': 'subscriptions',
  commander: 'commands',
};

const folders = Object.keys(mayImport);
const anyOf = (names) => `(?:${names.join('|')})`;

const directions = folders
  .filter((folder) => !mayImport[folder].includes('*'))
  .map((folder) => ({
    name: `from-${folder}`,
    comment: `src/${folder} may import only: ${mayImport[folder].join(', ') || 'nothing outside itself'}.`,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: { path: '^src/', pathNot: `^src/${anyOf([folder, ...mayImport[folder]])}/` },
  }));

const roots = Object.entries(importers).map(([folder, allowed]) => ({
  name: `to-${folder}`,
  comment: `src/${folder} puts the others together. Only these import it: main.ts, ${allowed.join(', ')}.`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/(?:main\\.ts|${anyOf([folder, ...allowed])}/)` },
  to: { path: `^src/${folder}/` },
}));

const packages = Object.entries(soleImporters).map(([name, owners]) => ({
  name: `package-${name}`,
  comment: `Only src/${[owners].flat().join(' and src/')} may know the package ${name}.`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${anyOf([...[owners].flat(), ...Object.keys(importers)])}/` },
  to: { path: `^node_modules/(?:@types/)?${name}/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Files that import each other can be understood only together.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'known-folders',
      comment: 'Say in .dependency-cruiser.mjs what this folder may import.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(?:index\\.ts|main\\.ts|${anyOf(folders)}/)` },
      to: {},
    },
    {
      name: 'no-way-out',
      comment: 'What is published imports nothing that is not.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(?:test|bench|examples)/' },
    },
    {
      name: 'client-alone',
      comment: 'src/client runs in browsers: it imports no package, and nothing of Node.',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { pathNot: '^src/client/' },
    },
    {
      name: 'to-client',
      comment: 'Only browsers and applications import src/client.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/client/' },
      to: { path: '^src/client/' },
    },
    ...directions,
    ...roots,
    ...packages,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
};
