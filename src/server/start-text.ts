import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Config } from '../config/config';
import { INTROSPECTION_SECRET_FILE, makesIntrospectionSecret } from '../config/own-secret';
import type { RunningServer } from './server';

/** Says what it costs to run without Redis, to the start and the doctor. */
export const WITHOUT_REDIS = 'REDIS_URL is not set: every check of a token reads Postgres.';

/** Says how a service checks tokens. Names the file of the secret, because a terminal's output may be kept. */
function serviceText({ issuer, audience }: Config, dataDir: string, url: string): string[] {
  const { hostname, port } = new URL(issuer);
  const server = hostname === 'localhost' && port !== new URL(url).port ? `, server: '${url}'` : '';
  return [
    'Check tokens in a service of yours:',
    `  export INTROSPECTION_SECRET=$(cat "${join(resolve(dataDir), INTROSPECTION_SECRET_FILE)}")`,
    `  const guard = await createGuard({ issuer: '${issuer}'${server}, audience: '${audience}', secret: process.env.INTROSPECTION_SECRET });`,
    '',
  ];
}

/** Says what a person needs to know after the start. */
export function startText(config: Config, { url, madeAdministrator }: RunningServer): string {
  const { store } = config;
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
    if (makesIntrospectionSecret(config)) lines.push(...serviceText(config, store.dataDir, url));
  }
  return `${lines.join('\n')}\n`;
}
