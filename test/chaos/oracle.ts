import { eventually } from '../support/eventually';
import type { Checker, Fleet, FleetNode } from './fleet';
import type { Service } from './services';
import type { Sighting, Token } from './ledger';
import { nameOf, timesOf, type Witness } from './witness';
import type { Population } from './population';
import type { Random } from './random';
import { isLiving, judgeSessions, readSessions } from './session-oracle';
import type { Tally } from './tally';
import { readTruthLog, type TruthLog } from './truth-log';

/** The time for the fleet to recover after the faults, in ms. Generous for slow machines. */
const PATIENCE = 90_000;

/** The largest apparent difference between the clocks of the run and of Postgres, in ms. */
const CLOCK_SLACK = 200;

/** The number of tokens presented to every node and service at the end. */
const MOST_PRESENTED = 600;

export interface OracleOptions {
  readonly fleet: Fleet;
  readonly witness: Witness;
  readonly population: Population;
  readonly tally: Tally;
  readonly random: Random;
}

export interface Settlement {
  /**
   * The times from the end of the faults until every node was ready, until every service followed, and until all was
   * confirmed, in ms.
   */
  readonly wellAfter: number;
  readonly followedAfter: number;
  readonly confirmedAfter: number;
  readonly logged: number;
}

const isWell = async ({ name, url }: FleetNode) => {
  const response = await fetch(`${url}/readyz`);
  const body = await response.text();
  if (response.status !== 200 || !body.includes('"degraded":[]')) throw new Error(`${name}: ${body}`);
};

const follows = async (service: Service) => {
  const status = await service.status();
  if (status.view !== 'current') throw new Error(`${service.name}: ${JSON.stringify(status)}`);
};

const idsOf = async (fleet: Fleet, sql: string): Promise<ReadonlySet<string>> =>
  new Set((await fleet.sql<{ id: string }>(sql)).map(({ id }) => id));

/** Every revocation reaches every node by itself, and every service follows again. */
async function settle({ fleet, witness }: OracleOptions): Promise<Omit<Settlement, 'logged'>> {
  const began = performance.now();
  const wait = async (promise: string, condition: () => Promise<unknown>) => {
    try {
      await eventually(condition, PATIENCE);
    } catch (error) {
      const lines = fleet.checkers.flatMap((checker) => [
        `The last lines of ${checker.name}:`,
        ...checker.lastLines(8).map((line) => `  ${line}`),
      ]);
      witness.accuse(promise, undefined, [String(error), ...lines]);
    }
    return performance.now() - began;
  };
  const wellAfter = await wait('A node did not recover when the faults were over.', () =>
    Promise.all(fleet.nodes.map(isWell)),
  );
  const followedAfter = await wait('A service did not follow a node when the faults were over.', () =>
    Promise.all(fleet.services.map(follows)),
  );
  const confirmedAfter = await wait('A revocation was never confirmed.', async () => {
    const ids = await idsOf(fleet, 'select id from revocations where confirmed_at is null limit 20');
    if (ids.size > 0) throw new Error(`Unconfirmed: ${[...ids].join(', ')}`);
  });
  return { wellAfter, followedAfter, confirmedAfter };
}

/** Every refusal has a reason that was already in the log. */
function judgeRefusals({ witness }: OracleOptions, log: TruthLog): void {
  const judge = (token: Token, sighting: Sighting | undefined, end: number | undefined, promise: string) => {
    if (!sighting) return;
    const refusedAt = performance.timeOrigin + sighting.ended;
    if (end !== undefined && end <= refusedAt + CLOCK_SLACK) return;
    witness.accuse(promise, sighting, [
      `It was ${nameOf(token)}.`,
      end === undefined
        ? 'Nothing in the log has ended it.'
        : `The log ends it ${(end - refusedAt).toFixed(1)} ms later.`,
    ]);
  };
  for (const token of witness.ledger.tokens.values()) {
    judge(token, token.refused, log.endOf(token), 'A good token was refused as revoked.');
    judge(token, token.disowned, log.endOfKey(token), 'A service did not know a key that was not revoked.');
  }
}

/** Every acknowledged change is in Postgres. */
async function judgeReceipts({ fleet, witness }: OracleOptions, log: TruthLog): Promise<void> {
  const sessions = await readSessions(fleet);
  for (const ending of witness.ledger.endings) {
    const { reach, kind, node, sent, received } = ending;
    const isThere = reach.scope === 'SESSION' ? !isLiving(sessions, reach.sessionId) : log.holds(reach);
    if (isThere) continue;
    witness.accuse('An acknowledged revocation is not in Postgres.', { node, began: sent, ended: received }, [
      `It was ${kind}: ${JSON.stringify(reach)}.`,
    ]);
  }
}

/** How often a token is presented in the end. A machine that is too busy may answer once that it cannot tell. */
const MOST_ATTEMPTS = 5;

/** In the end every node and service agrees with the log on every token. */
async function judgeNodes({ fleet, witness, random }: OracleOptions, log: TruthLog): Promise<void> {
  const { ledger } = witness;
  const all = [...ledger.tokens.values()];
  const newest = all.slice(-MOST_PRESENTED / 2);
  const older = random.shuffled(all.slice(0, -MOST_PRESENTED / 2)).slice(0, MOST_PRESENTED / 2);
  const presentUntilTold = async (
    token: Token,
    checker: Checker,
    attempts = MOST_ATTEMPTS,
  ): Promise<Sighting> => {
    const sighting = await witness.present(token, checker);
    if (sighting.verdict !== 'UNAVAILABLE' || attempts === 1) return sighting;
    return presentUntilTold(token, checker, attempts - 1);
  };
  const presentToAll = async (token: Token) => {
    const expected = log.endOf(token) === undefined ? 'ACCEPTED' : 'REVOKED';
    for (const checker of fleet.checkers) {
      const sighting = await presentUntilTold(token, checker);
      const { verdict } = sighting;
      if (verdict === expected || verdict === 'WRONG' || verdict === 'DISOWNED') continue;
      witness.accuse('In the end a node or service does not say of a token what Postgres says.', sighting, [
        `It was ${nameOf(token)}.`,
        `Expected ${expected}; ${timesOf(sighting)}, it said ${sighting.answer}.`,
      ]);
    }
  };
  const queue = [...newest, ...older];
  const present = async () => {
    for (let token = queue.pop(); token; token = queue.pop()) await presentToAll(token);
  };
  await Promise.all(Array.from({ length: 8 }, present));
}

/** Judges the whole run after the faults and the clients have ended. */
export async function judge(options: OracleOptions): Promise<Settlement> {
  const settled = await settle(options);
  const log = await readTruthLog(options.fleet);
  await judgeNodes(options, log);
  judgeRefusals(options, log);
  await judgeReceipts(options, log);
  await judgeSessions(options);
  return { ...settled, logged: log.size };
}
