import { faultOfPostgresUrl } from './postgres-url';
import { readRedisUrl } from '../core/redis-url';
import type { SettingsReader } from './settings';

/** Where the data is stored. */
export type StoreConfig =
  /** Postgres inside this process, in a folder. The secret is created and kept there if none is given. */
  | {
      readonly mode: 'embedded';
      readonly dataDir: string;
      readonly redisUrl?: never;
      readonly secret?: string;
    }
  | {
      readonly mode: 'servers';
      readonly databaseUrl: string;
      /** The schema of all tables. The first start creates it. */
      readonly schema: string;
      readonly redisUrl?: string;
      readonly secret: string;
    };

/** A name in lower case, as Postgres reads unquoted names. `pg_` is reserved. */
const SCHEMA = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/;

function readSchema(read: SettingsReader): string {
  const schema = read.text('DATABASE_SCHEMA', 'public');
  if (!SCHEMA.test(schema))
    read.fault(
      `DATABASE_SCHEMA is "${schema}". Use at most 63 lower-case letters, digits and underscores, and do not start with a digit or pg_.`,
    );
  return schema;
}

function readRedis(read: SettingsReader): string | undefined {
  const redisUrl = read.given('REDIS_URL');
  if (redisUrl === undefined) return undefined;
  const address = readRedisUrl(redisUrl);
  if ('fault' in address) read.fault(`REDIS_URL ${address.fault}`);
  return redisUrl;
}

/** Reads where the data is. A fault does not show an address, because it often holds a password. */
export function readStore(read: SettingsReader): StoreConfig {
  const secret = read.secret('SECRET');
  const redisUrl = readRedis(read);
  const dataDir = read.text('DATA_DIR', '.tokenfence');
  const databaseUrl = read.given('DATABASE_URL');
  if (databaseUrl === undefined && read.given('NODE_ENV') === 'production')
    read.fault(
      'DATABASE_URL is not set, but production needs it. To run Postgres inside this process, set DATABASE_URL=embedded.',
    );
  if (databaseUrl === undefined || databaseUrl === 'embedded') {
    if (redisUrl !== undefined)
      read.fault(
        'REDIS_URL is set, but DATABASE_URL is not set or is embedded. The embedded mode does not use Redis. Set DATABASE_URL to a Postgres, or leave REDIS_URL out.',
      );
    if (read.given('DATABASE_SCHEMA') !== undefined)
      read.fault(
        'DATABASE_SCHEMA is set without DATABASE_URL. The embedded mode has its own database. Leave it out.',
      );
    return { mode: 'embedded', dataDir, secret };
  }
  const fault = faultOfPostgresUrl(databaseUrl);
  if (fault !== undefined) read.fault(`DATABASE_URL ${fault}`);
  if (secret === undefined)
    read.fault(
      'SECRET is not set. It encrypts the signing keys in the database. Create one with: openssl rand -base64 32',
    );
  return { mode: 'servers', databaseUrl, schema: readSchema(read), redisUrl, secret: secret ?? '' };
}
