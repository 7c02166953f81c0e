import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { createAdministrator } from './administrator';
import { readConfig } from './config/config';
import { readEnv } from './config/env';
import { openEmbeddedPostgres } from './embedded/pglite';
import { createPasswords } from './passwords/argon2';
import { createDataSource } from './postgres/data-source';
import { switchRedis } from './postgres/fleet-settings';
import { migrate } from './postgres/start';
import { tablesIn } from './postgres/truth';

const USAGE = `Usage:
  npm run admin -- create <email>   makes an administrator; the password is read from ADMIN_PASSWORD,
                                    or made up and printed once
  npm run admin -- redis on|off     says whether the nodes on this database use Redis; stop them all first
`;

async function run([command, argument]: readonly string[]): Promise<string | undefined> {
  const env = readEnv();
  // The password here is for the account to be made, not for one at the first start.
  const { store, clockSkew } = readConfig({ ...env, ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
  const known =
    (command === 'create' && argument) || (command === 'redis' && /^(on|off)$/.test(argument ?? ''));
  if (!known || argument === undefined) return undefined;

  const embedded = store.mode === 'embedded' ? await openEmbeddedPostgres(store.dataDir) : undefined;
  const address = embedded ?? { url: store.mode === 'servers' ? store.databaseUrl : '' };
  const dataSource = createDataSource(address, { statementTimeout: 0, poolSize: 1 });
  try {
    await dataSource.initialize();
    let answer = '';
    await migrate(dataSource, async (manager) => {
      if (command === 'redis') {
        await switchRedis(argument === 'on', manager);
        answer = `Nodes on this database now start ${argument === 'on' ? 'with' : 'without'} REDIS_URL only.`;
        return;
      }
      const given = env.ADMIN_PASSWORD;
      const password = given ?? randomBytes(15).toString('base64url');
      const tables = tablesIn(manager, { hasCopies: false, clockSkew });
      await createAdministrator(tables, createPasswords(), { email: argument, password });
      answer = `The administrator ${argument} was made.${given === undefined ? ` The password is shown this once: ${password}` : ''}`;
    });
    return answer;
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
    await embedded?.close();
  }
}

run(process.argv.slice(2)).then(
  (answer) => {
    process.stdout.write(answer === undefined ? USAGE : `${answer}\n`);
    process.exit(answer === undefined ? 2 : 0);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
