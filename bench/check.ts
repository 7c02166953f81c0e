import { randomUUID } from 'node:crypto';
import type { LoggedRevocation } from '../src/core/revocation';
import { type Log, nanoseconds, prepareChecking } from './support/checking';
import { aim, type Figure, runBench, times } from './support/report';
import { inTurn, median, ratio } from './support/statistics';

/** Many short rounds: other work on the machine disturbs some of them, and the median is of the others. */
const ROUNDS = 101;
const REQUESTS = 10_000;
const WARM_UP = 200_000;

/** The number of repeated tokens: more than the processor's caches hold. */
const TOKENS = 2000;

/** The number of tokens whose signature is new. */
const NEW_TOKENS = 100;

const PART = 5000;

/** Revocations that concern none of the tokens: of users, sessions and tokens in turn. */
function liveRevocations(count: number): Log {
  const now = Date.now();
  const revocation = (index: number): LoggedRevocation => {
    const entry = { id: String(index), revokedAt: now, expiresAt: now + 3_600_000 + (index % 900) * 1000 };
    const userId = randomUUID();
    if (index % 3 === 0) return { ...entry, kind: 'USER', userId, tokenVersion: 2 };
    if (index % 3 === 1) return { ...entry, kind: 'SESSION', userId, sessionId: randomUUID() };
    return { ...entry, kind: 'TOKEN', userId, tokenId: randomUUID() };
  };
  return async (part) => {
    for (let from = 0; from < count; from += PART) {
      await part(
        Array.from({ length: Math.min(PART, count - from) }, (_, i) => revocation(from + i)),
        0,
      );
    }
    return true;
  };
}

async function measure(): Promise<Figure[]> {
  const checking = await prepareChecking();
  const headers = await checking.headers(TOKENS);
  const few = await checking.guardOver(liveRevocations(1000));
  const many = await checking.guardOver(liveRevocations(1_000_000));
  // Compiles the code and remembers every signature before the measurement.
  await nanoseconds(few, headers, WARM_UP);
  await nanoseconds(many, headers, WARM_UP);

  const results = await inTurn(ROUNDS, {
    few: () => nanoseconds(few, headers, REQUESTS),
    many: () => nanoseconds(many, headers, REQUESTS),
    unremembered: async () => {
      const fresh = await checking.headers(NEW_TOKENS);
      return nanoseconds(few, fresh, NEW_TOKENS);
    },
  });
  const remembered = median(results.few);
  const more = ratio(results.many, results.few);
  const ns = (value: number) => `${Math.round(value).toLocaleString('en')} ns`;
  return [
    {
      name: 'a request, its signature remembered',
      measured: ns(remembered),
      aim: aim('< 2,000 ns', remembered < 2000),
    },
    { name: 'a request, its signature seen for the first time', measured: ns(median(results.unremembered)) },
    { name: 'a request, with 1,000,000 live revocations', measured: ns(median(results.many)) },
    { name: 'that to one with 1,000', measured: times(more), aim: aim('< 1.5', more < 1.5) },
  ];
}

runBench('check: what guard.authenticate takes', measure);
