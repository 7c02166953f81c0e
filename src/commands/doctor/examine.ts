import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explain } from '../../server/explain';
import { WITHOUT_REDIS } from '../../server/start-text';
import type { Config } from '../../config/config';
import { ConfigError } from '../../config/config-error';
import { readConfig } from '../../config/read-config';
import type { Env } from '../../config/env';
import { FolderTakenError, openEmbeddedPostgres } from '../../embedded/pglite';
import { collect, fault, type Finding, lineOf, note, well } from './finding';
import { examinePostgres } from './postgres';
import { examineRedis } from './redis';

async function examineEmbedded(
  config: Config,
  dataDir: string,
  given: string | undefined,
): Promise<Finding[]> {
  if (!existsSync(join(dataDir, 'postgres')))
    return [note('Postgres', `the embedded mode has no data in ${dataDir} yet. The first start creates it.`)];
  try {
    const embedded = await openEmbeddedPostgres(dataDir);
    try {
      // Before the first start, neither the secret nor anything to decrypt exists.
      const secret = given ?? (await readFile(join(dataDir, 'secret'), 'utf8').catch(() => '')).trim();
      return await examinePostgres(embedded, config, secret);
    } finally {
      await embedded.close();
    }
  } catch (error) {
    if (error instanceof FolderTakenError)
      return [note('Postgres', `a running process uses ${dataDir}. Stop it to examine its data.`)];
    return [fault('Postgres', explain(error))];
  }
}

async function* examineAll(env: Env): AsyncGenerator<Finding> {
  let config: Config;
  try {
    config = readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const text of error.faults) yield fault('Settings', text);
    return;
  }
  const { store, warnings, waitReplicas, clockSkew } = config;
  yield well('Settings', 'each value is valid.');
  for (const text of warnings) yield note('Settings', text);
  if (store.mode === 'embedded') {
    yield* await examineEmbedded(config, store.dataDir, store.secret);
    return;
  }
  yield* await examinePostgres({ url: store.databaseUrl, schema: store.schema }, config, store.secret);
  if (store.redisUrl !== undefined)
    yield* await examineRedis({ url: store.redisUrl, waitReplicas, clockSkew });
  else yield note('Redis', WITHOUT_REDIS);
}

/** Examines the settings and the stores that they name. */
export const findings = (env: Env): Promise<Finding[]> => collect(examineAll(env));

/** Examines everything and formats the findings. The exit code is 1 if there is a fault. */
export async function examine(env: Env): Promise<{ readonly code: 0 | 1; readonly text: string }> {
  const found = await findings(env);
  const count = found.filter(({ level }) => level === 'fault').length;
  const sum = count === 0 ? 'No faults found.' : `Faults to fix: ${count}.`;
  return { code: count === 0 ? 0 : 1, text: `${found.map(lineOf).join('')}\n${sum}\n` };
}
