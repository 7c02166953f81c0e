import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { EXAMPLES } from './example-process';
import { askGraphql, keepsThePromises } from './service-promises';

const folder = join(EXAMPLES, 'type-graphql-service');

// As its README says.
beforeAll(() => void execFileSync('npx', ['tsc', '-p', folder], { stdio: ['ignore', 'inherit', 'inherit'] }));

keepsThePromises({ path: join(folder, 'dist/service.js'), ask: askGraphql });
