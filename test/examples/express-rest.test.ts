import { join } from 'node:path';
import { EXAMPLES } from './example-process';
import { askRest, keepsThePromises } from './service-promises';

keepsThePromises({ path: join(EXAMPLES, 'express-rest/service.mjs'), ask: askRest });
