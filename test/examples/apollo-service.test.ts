import { join } from 'node:path';
import { EXAMPLES } from './example-process';
import { askGraphql, keepsThePromises } from './service-promises';

keepsThePromises({ path: join(EXAMPLES, 'apollo-service/service.mjs'), ask: askGraphql });
