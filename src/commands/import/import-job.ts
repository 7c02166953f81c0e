import 'reflect-metadata';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Config } from '../../config/config';
import { readConfig } from '../../config/read-config';
import { rolesWith } from '../../core/shape';
import { StartError } from '../../core/start-error';
import { encode } from '../../passwords/foreign/bytes';
import { readHash } from '../../passwords/foreign/read-hash';
import { importAccounts, type NewAccount } from '../../postgres/import';
import { connect, migrateAt, openPostgres, tellOfWait } from '../../server/database';
import { explain } from '../../server/explain';
import { createLogger } from '../../server/logger';
import { Teardown } from '../../server/teardown';
import { EXIT_CODES, type Job, type Outcome } from '../job';
import type { ImportOptions } from './import-options';
import { AUTH0_FORMAT, type Format, firebaseFormat, OWN_FORMAT } from './formats';
import { Import, type Store, type Tally } from './import-accounts';
import { type Output, Progress } from './progress';

/** ms; a statement that makes a batch of accounts fails if it takes longer. */
const STATEMENT_TIMEOUT = 60_000;

/** Bytes that are read from the file at once. */
const READ_AT_ONCE = 256 * 1024;

/** Where an import reads from and shows its progress. */
export interface Streams {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stderr: Output;
}

const readKey = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    throw new StartError(`Nothing was imported: the key cannot be read: ${(error as Error).message}.`);
  });

/** Reads Firebase's parameters. Throws `StartError` if no hash with them could be compared. */
async function firebaseOf({ hashKey, saltSeparator, rounds, memCost }: ImportOptions): Promise<Format> {
  if (!hashKey)
    throw new StartError(
      'The format firebase needs --hash-key: base64_signer_key in the Firebase console, under Authentication, ' +
        'Users, "Password hash parameters".',
    );
  const signerKey = (hashKey.startsWith('@') ? await readKey(hashKey.slice(1)) : hashKey).trim();
  const length = Buffer.from(signerKey, 'base64').length;
  const sample = `$fbscrypt$v=1,n=${memCost},r=${rounds},p=1,ss=${saltSeparator},sk=${signerKey}$AAAA$${encode(Buffer.alloc(length))}`;
  const hash = readHash(sample);
  if (typeof hash === 'string') throw new StartError(`With these parameters of Firebase, a hash ${hash}.`);
  return firebaseFormat({ signerKey, saltSeparator, rounds, memCost });
}

const formatOf = (options: ImportOptions): Format | Promise<Format> => {
  if (options.format === 'firebase') return firebaseOf(options);
  return options.format === 'auth0' ? AUTH0_FORMAT : OWN_FORMAT;
};

/** Opens the file. Throws `StartError` if it is not there. */
async function open(
  file: string,
  { stdin }: Streams,
): Promise<{ input: AsyncIterable<Buffer>; size?: number }> {
  if (file === '-') return { input: stdin };
  try {
    const info = await stat(file);
    if (info.isDirectory()) throw new Error('it is a folder');
    // A pipe has no size.
    const size = info.isFile() ? info.size : undefined;
    return { input: createReadStream(file, { highWaterMark: READ_AT_ONCE }), size };
  } catch (error) {
    throw new StartError(`Nothing was imported: ${file} cannot be read: ${(error as Error).message}.`);
  }
}

/** Opens the database with its tables, runs `work`, and closes it. */
async function withDatabase<T>(
  config: Config,
  work: (store: (source: (accounts: readonly NewAccount[]) => string) => Store) => Promise<T>,
): Promise<T> {
  const teardown = new Teardown();
  try {
    const address = await openPostgres(config, teardown);
    // The accounts may be imported before the first node starts.
    await migrateAt(address, () => Promise.resolve(), { onWait: tellOfWait(createLogger('warn')) });
    const dataSource = await connect(address, { statementTimeout: STATEMENT_TIMEOUT, poolSize: 1 });
    teardown.add(() => dataSource.destroy());
    return await work(
      (source) => (accounts) => importAccounts(dataSource.manager, accounts, source(accounts)),
    );
  } finally {
    await teardown.run();
  }
}

const count = (n: number) => n.toLocaleString('en-US');

function summary(tally: Tally): string {
  const lines = [
    `Imported ${count(tally.imported)} of ${count(tally.read)} accounts.`,
    tally.present > 0 && `${count(tally.present)} were there already, with the same password.`,
    tally.refused > 0 && `${count(tally.refused)} were refused. Each is named above with its line.`,
    tally.withoutPassword > 0 &&
      `${count(tally.withoutPassword)} have no password yet: their users set one by "forgot password".`,
    tally.profiles > 0 && `${count(tally.profiles)} had a profile, which is not kept.`,
  ];
  return `${lines.filter((line) => line !== false).join('\n')}\n`;
}

async function carryOut(
  file: string,
  options: ImportOptions,
  config: Config,
  streams: Streams,
): Promise<Outcome> {
  const format = await formatOf(options);
  const { input, size } = await open(file, streams);
  const progress = new Progress(streams.stderr, size);
  const name = file === '-' ? 'standard input' : basename(file).slice(0, 100);
  const sourceOf = (accounts: readonly NewAccount[]) =>
    `Lines ${accounts[0]?.line} to ${accounts.at(-1)?.line} of ${name}.`;
  return withDatabase(config, async (storeFrom) => {
    const run = new Import(format, storeFrom(sourceOf), progress, rolesWith(config.roles));
    try {
      await run.run(input);
    } catch (error) {
      throw new StartError(
        `Stopped: ${(error as Error).message}. ${count(run.tally.imported)} accounts were imported. ` +
          'Run it again: it goes on where it stopped.',
      );
    } finally {
      progress.end();
    }
    const { tally } = run;
    return { code: tally.refused > 0 ? EXIT_CODES.partly : EXIT_CODES.done, text: summary(tally) };
  });
}

/** Imports the accounts of a file. */
export const importing =
  (file: string, options: ImportOptions, streams: Streams = process): Job =>
  async (env) => {
    try {
      const config = readConfig({ ...env, ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
      return await carryOut(file, options, config, streams);
    } catch (error) {
      return { code: EXIT_CODES.failed, text: `${explain(error)}\n` };
    }
  };
