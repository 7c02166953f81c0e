import { readConfig } from '../../src/config/read-config';
import { systemClock } from '../../src/core/clock';
import { noMetrics } from '../../src/core/ports/metrics';
import { connect, prepareDatabase } from '../../src/server/database';
import type { Confirmation } from '../../src/core/receipt';
import type { LoggedRevocation } from '../../src/core/revocation';
import type { Confirm } from '../../src/protocol/confirm';
import { createLogger } from '../../src/server/logger';
import { createTruth } from '../../src/postgres/truth';
import { createRevoker, type Revoker } from '../../src/revocation/revoke';
import { assembleRevocations } from '../../src/server/wire-revocation';
import { Teardown } from '../../src/server/teardown';
import { createSeal } from '../../src/tokens/sealing';
import { answerOrders } from './helper';
import type { Person } from './people';
import { SETTINGS } from './settings';

/** The work, and how many items run at a time. */
export interface RevokerOrder {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly concurrency: number;
  readonly work:
    /** Ends their sessions. */
    | { readonly kind: 'revoke'; readonly people: readonly Person[] }
    /** Adds entries to the log in one statement, for the next order to publish. */
    | { readonly kind: 'prepare'; readonly count: number }
    /** Publishes and confirms each entry by itself: only the work after the commit of a revocation. */
    | { readonly kind: 'confirm' };
}

export interface RevokerResult {
  readonly confirmed: number;
}

interface Assembled {
  readonly revoker: Revoker;
  readonly confirm: Confirm;
  readonly prepare: (count: number) => Promise<LoggedRevocation[]>;
}

interface Row {
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
}

// Dated one minute ahead, so that no relay publishes them first.
const UNCONFIRMED = `
  insert into revocations (kind, user_id, session_id, revoked_at, expires_at)
  select 'SESSION', gen_random_uuid(), gen_random_uuid(),
    now() + interval '1 minute', now() + interval '1 hour'
  from generate_series(1, $1)
  returning id, user_id as "userId", session_id as "sessionId"`;

/** The parts of a node that revoke and check, with their own connections, without HTTP and GraphQL. */
async function assemble(databaseUrl: string, redisUrl: string): Promise<Assembled> {
  const config = readConfig({ ...SETTINGS, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
  const logger = createLogger(config.logLevel);
  const address = { url: databaseUrl };
  const database = await prepareDatabase(address, config, createSeal(SETTINGS.SECRET));
  const dataSource = await connect(address, { statementTimeout: 5000, poolSize: config.poolSize });
  const truth = createTruth(dataSource, { hasCopies: true, clockSkew: config.clockSkew });
  const { confirm } = await assembleRevocations({
    config,
    database,
    truth,
    clock: systemClock,
    logger,
    metrics: noMetrics,
    teardown: new Teardown(),
  });
  return {
    revoker: createRevoker(truth, confirm),
    confirm,
    prepare: async (count) => {
      const rows = await dataSource.query<Row[]>(UNCONFIRMED, [count]);
      const revokedAt = Date.now();
      return rows.map((row) => ({ ...row, kind: 'SESSION', revokedAt, expiresAt: revokedAt + 3_600_000 }));
    },
  };
}

let assembled: Promise<Assembled> | undefined;
let prepared: LoggedRevocation[] = [];

/** Works through the items, a number at a time. Returns how many were confirmed. */
async function each<Item>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item) => Promise<Confirmation>,
): Promise<number> {
  const left = items[Symbol.iterator]();
  let count = 0;
  const goOn = async () => {
    for (const item of left) if ((await work(item)).confirmed) count += 1;
  };
  await Promise.all(Array.from({ length: concurrency }, goOn));
  return count;
}

async function run({ databaseUrl, redisUrl, work, concurrency }: RevokerOrder): Promise<RevokerResult> {
  const { revoker, confirm, prepare } = await (assembled ??= assemble(databaseUrl, redisUrl));
  switch (work.kind) {
    case 'prepare':
      prepared = await prepare(work.count);
      return { confirmed: 0 };
    case 'confirm':
      return { confirmed: await each(prepared, concurrency, (entry) => confirm([entry])) };
    case 'revoke':
      return {
        confirmed: await each(work.people, concurrency, async ({ userId, sessionId }) => {
          const { receipt } = await revoker.revoke(
            { scope: 'SESSION', name: { id: sessionId, ownerId: userId } },
            { type: 'LOGOUT', userId, actorId: userId, sessionId },
          );
          return receipt.confirmation;
        }),
      };
  }
}

answerOrders(run);
