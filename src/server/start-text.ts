import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config';
import type { RunningServer } from './server';

/** Says what it costs to run without Redis, to the start and the doctor. */
export const WITHOUT_REDIS = 'REDIS_URL is not set: every check of a token reads Postgres.';

/** Says what a person needs to know after the start. */
export function startText({ store }: Config, { url, madeAdministrator }: RunningServer): string {
  const lines = [`Tokenfence is ready at ${url}/graphql`, ''];
  if (store.mode === 'embedded') {
    lines.push(
      `This is the embedded mode: one process, with its own Postgres in ${store.dataDir}. Data survives a killed ` +
        'process, but perhaps not a power failure. For production set DATABASE_URL and REDIS_URL.',
      '',
    );
  } else if (store.redisUrl === undefined) {
    lines.push(WITHOUT_REDIS, '');
  }
  if (madeAdministrator) {
    lines.push(
      'Created an administrator. The password is shown only once:',
      `  email     ${madeAdministrator.email}`,
      `  password  ${madeAdministrator.password}`,
      '',
    );
  }
  if (store.mode === 'embedded') {
    // The account of an earlier start may exist, so a later start suggests another name.
    const name = madeAdministrator ? 'ada' : `ada-${randomBytes(3).toString('hex')}`;
    lines.push(
      'Try it:',
      `  curl -s ${url}/graphql -H 'content-type: application/json' -d '{"query":"mutation { register(input: {email: \\"${name}@example.com\\", password: \\"correct horse battery\\"}) { accessToken } }"}'`,
      '',
    );
  }
  return `${lines.join('\n')}\n`;
}
