import { randomBytes } from 'node:crypto';
import type { Config } from './config/config';
import type { RunningServer } from './server';

/** What a person who has just started the service wants to know. */
export function startText({ store }: Config, { url, madeAdministrator }: RunningServer): string {
  const lines = [`Tokenfence is ready at ${url}/graphql`, ''];
  if (store.mode === 'embedded') {
    lines.push(
      `This is the embedded mode: one process, with its own Postgres in ${store.dataDir}. It survives a killed process,`,
      'but it does not force every write to the disk: for production set DATABASE_URL and REDIS_URL.',
      '',
    );
  } else if (store.redisUrl === undefined) {
    lines.push('Without REDIS_URL every check of a token reads Postgres.', '');
  }
  if (madeAdministrator) {
    lines.push(
      'An administrator was made. The password is shown this once:',
      `  email     ${madeAdministrator.email}`,
      `  password  ${madeAdministrator.password}`,
      '',
    );
  }
  if (store.mode === 'embedded') {
    // A later start may find the first one's account: this one has to be another.
    const name = madeAdministrator ? 'ada' : `ada-${randomBytes(3).toString('hex')}`;
    lines.push(
      'Try it:',
      `  curl -s ${url}/graphql -H 'content-type: application/json' -d '{"query":"mutation { register(input: {email: \\"${name}@example.com\\", password: \\"correct horse battery\\"}) { accessToken } }"}'`,
      '',
    );
  }
  return `${lines.join('\n')}\n`;
}
