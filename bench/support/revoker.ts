import { readConfig } from '../../src/config/config';
import { systemClock } from '../../src/core/clock';
import { noMetrics } from '../../src/core/ports/metrics';
import { connectDatabase, prepareDatabase } from '../../src/database';
import { createLogger } from '../../src/logger';
import { createTruth } from '../../src/postgres/truth';
import { createRevoker, type Revoker } from '../../src/revocation/revoke';
import { assembleRevocations } from '../../src/revocations';
import { Teardown } from '../../src/teardown';
import { createSeal } from '../../src/tokens/sealing';
import type { Person } from './people';
import { SETTINGS } from './settings';

/** Sessions that are to be ended, so many at a time. */
export interface RevokerOrder {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly people: readonly Person[];
  readonly concurrency: number;
}

export interface RevokerResult {
  readonly confirmed: number;
}

/** Everything of a node that revokes and checks, with its own connections; only HTTP and GraphQL are missing. */
async function assemble(databaseUrl: string, redisUrl: string): Promise<Revoker> {
  const config = readConfig({ ...SETTINGS, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
  const logger = createLogger(config.logLevel);
  const address = { url: databaseUrl };
  const database = await prepareDatabase(address, config, createSeal(SETTINGS.SECRET));
  const dataSource = await connectDatabase(address, config, logger);
  const truth = createTruth(dataSource, { hasCopies: true, clockSkew: config.clockSkew });
  const { deliver } = await assembleRevocations({
    config,
    database,
    truth,
    clock: systemClock,
    logger,
    metrics: noMetrics,
    teardown: new Teardown(),
  });
  return createRevoker(truth, deliver);
}

let revoker: Promise<Revoker> | undefined;

async function run({ databaseUrl, redisUrl, people, concurrency }: RevokerOrder): Promise<RevokerResult> {
  const { revoke } = await (revoker ??= assemble(databaseUrl, redisUrl));
  let confirmed = 0;
  let next = 0;
  const endSessions = async () => {
    for (let person = people[next++]; person; person = people[next++]) {
      const { userId, sessionId } = person;
      const { receipt } = await revoke(
        { scope: 'SESSION', userId, sessionId },
        { type: 'LOGOUT', userId, actorId: userId, sessionId },
      );
      if (receipt.confirmation.confirmed) confirmed += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, endSessions));
  return { confirmed };
}

process.on('message', (order: RevokerOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
