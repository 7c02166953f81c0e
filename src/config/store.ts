import { faultOfPostgresUrl } from '../core/addresses/postgres-url';
import { readRedisUrl } from '../core/addresses/redis-url';
import { checkSecret } from './secret';
import type { Faults, Reader } from './settings';

/** Where the data is stored. */
export type StoreConfig =
  /** Postgres inside this process, in a folder. The secret is created and kept there if none is given. */
  | { readonly mode: 'embedded'; readonly dataDir: string; readonly secret?: string }
  | {
      readonly mode: 'servers';
      readonly databaseUrl: string;
      /** The schema of all tables. The first start creates it. */
      readonly schema: string;
      readonly redisUrl?: string;
      readonly secret: string;
    };

/** The value of `DATABASE_URL` that selects the embedded mode. */
const EMBEDDED = 'embedded';

function faultOfRedisUrl(text: string): string | undefined {
  const address = readRedisUrl(text);
  return 'fault' in address ? address.fault : undefined;
}

/** Reads an address. A fault does not show it, because it often holds a password. */
function readAddress(
  name: string,
  faultOf: (text: string) => string | undefined,
  read: Reader,
  faults: Faults,
): string | undefined {
  const text = read.given(name)?.trim();
  if (text === undefined) return undefined;
  const fault = faultOf(text);
  if (fault !== undefined) faults.add(`${name} ${fault}`);
  return text;
}

/** A name in lower case, as Postgres reads unquoted names. `pg_` is reserved. */
const SCHEMA = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/;

function readSchema(read: Reader, faults: Faults): string {
  const schema = read.text('DATABASE_SCHEMA', 'public');
  if (!SCHEMA.test(schema)) {
    faults.add(
      `DATABASE_SCHEMA is "${schema}". Use at most 63 lower-case letters, digits and underscores, and do not start with a digit or pg_.`,
    );
  }
  return schema;
}

export function readStore(read: Reader, faults: Faults): StoreConfig {
  const secret = read.given('SECRET');
  if (secret !== undefined) checkSecret('SECRET', secret, faults);
  const redisUrl = readAddress('REDIS_URL', faultOfRedisUrl, read, faults);
  const dataDir = read.text('DATA_DIR', '.tokenfence');
  const database = read.given('DATABASE_URL');
  if (database === undefined && read.given('NODE_ENV') === 'production') {
    faults.add(
      'DATABASE_URL is not set, but production needs it. To run Postgres inside this process, set DATABASE_URL=embedded.',
    );
  }
  if (database === undefined || database === EMBEDDED) {
    if (redisUrl !== undefined) {
      faults.add(
        'REDIS_URL is set, but DATABASE_URL is not set or is embedded. The embedded mode does not use Redis. Set DATABASE_URL to a Postgres, or leave REDIS_URL out.',
      );
    }
    if (read.given('DATABASE_SCHEMA') !== undefined) {
      faults.add(
        'DATABASE_SCHEMA is set without DATABASE_URL. The embedded mode has its own database. Leave it out.',
      );
    }
    return { mode: 'embedded', dataDir, secret };
  }
  const databaseUrl = readAddress('DATABASE_URL', faultOfPostgresUrl, read, faults) ?? '';
  if (secret === undefined) {
    faults.add(
      'SECRET is not set. It encrypts the signing keys in the database. Create one with: openssl rand -base64 32',
    );
  }
  return { mode: 'servers', databaseUrl, schema: readSchema(read, faults), redisUrl, secret: secret ?? '' };
}
