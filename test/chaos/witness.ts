import type { Checker } from './fleet';
import { createLedger, type Ending, type Ledger, type Sighting, type Token, type Verdict } from './ledger';
import { ask, askToRevoke, type Exchange, inShort } from './requests';

/** A broken promise: how often, with the evidence of the first few times. */
export interface Violation {
  readonly promise: string;
  count: number;
  readonly cases: string[][];
}

export const countViolations = (violations: readonly Violation[]) =>
  violations.reduce((sum, { count }) => sum + count, 0);

export interface Counts {
  accepted: number;
  refused: number;
  unavailable: number;
}

/** Sees every exchange, and reports a broken promise at once. */
export interface Witness {
  readonly ledger: Ledger;
  readonly counts: Counts;
  readonly violations: readonly Violation[];
  /** Resolves when more violations would show nothing new. */
  readonly enough: AbortSignal;
  /** Notes a violation by a request and the nodes involved, or by the whole run. */
  accuse(
    promise: string,
    exchange: Pick<Sighting, 'node' | 'began' | 'ended'> | undefined,
    details: string[],
    ...others: Checker[]
  ): void;
  /** Sends a request. Judges whether its token may do it, unless any token may. */
  send(
    node: Checker,
    query: string,
    variables?: object,
    token?: Token,
    needsGoodToken?: boolean,
  ): Promise<Exchange>;
  /** Sends any token of a session to `/oauth/revoke`, which needs no good one. */
  sendToRevoke(node: Checker, token: string): Promise<Exchange>;
  /** Notes a granted token and judges the grant, which depends on Postgres only. */
  granted(text: string, exchange: Exchange): Token;
  /** Presents a token to a node in a request that needs only a good token. */
  present(token: Token, node: Checker, way?: 'check' | 'me'): Promise<Sighting>;
}

/** The limits for one promise: beyond them a case is only counted, or the run ends. */
const MOST_CASES = 5;
const MOST_VIOLATIONS = 30;

const LOG_LINES = 12;

/** The time until a node's log lines on a request have been read here, in ms. */
const UNTIL_LOGGED = 300;

/** A field for administrators. FORBIDDEN proves a good token, and needs no store. */
const CHECK = '{ auditEvents(first: 1) { pageInfo { hasNextPage } } }';
const ME = '{ me { id } }';

export const nameOf = ({ id, userId, sessionId, tokenVersion, globalVersion, keyId }: Token) =>
  `token ${id} of user ${userId}, session ${sessionId}, tokenVersion ${tokenVersion}, globalVersion ${globalVersion}, key ${keyId}`;

export const timesOf = ({ node, began, ended }: Pick<Sighting, 'node' | 'began' | 'ended'>) =>
  `${node.name}, from ${began.toFixed(1)} to ${ended.toFixed(1)} ms`;

const nameOfEnding = ({ kind, node, reach, sent, received }: Ending) => {
  const what = JSON.stringify(reach, (_, value: unknown) => (value instanceof Set ? [...value] : value));
  return `${kind} by ${node.name}, sent at ${sent.toFixed(1)} ms, receipt at ${received.toFixed(1)} ms: ${what}`;
};

export function createWitness(faultsDuring: (from: number, to: number) => string[]): Witness {
  const ledger = createLedger();
  const counts: Counts = { accepted: 0, refused: 0, unavailable: 0 };
  const violations: Violation[] = [];
  const enough = new AbortController();

  const accuse: Witness['accuse'] = (promise, exchange, details, ...others) => {
    let violation = violations.find((known) => known.promise === promise);
    if (!violation) violations.push((violation = { promise, count: 0, cases: [] }));
    violation.count += 1;
    if (violation.count >= MOST_VIOLATIONS) enough.abort();
    if (violation.cases.length >= MOST_CASES) return;
    const lines = [...details];
    violation.cases.push(lines);
    if (!exchange) return;
    const faults = faultsDuring(exchange.began - 5000, exchange.ended);
    lines.push(
      `It was a request to ${timesOf(exchange)}.`,
      `Faults from 5 s before until then: ${faults.join('; ') || 'none'}.`,
    );
    for (const node of new Set([exchange.node, ...others])) {
      setTimeout(
        () => lines.push(`The last lines of ${node.name}:`, ...node.lastLines(LOG_LINES)),
        UNTIL_LOGGED,
      );
    }
  };

  const accepted = (token: Token, exchange: Pick<Sighting, 'node' | 'began' | 'ended'>) => {
    const ending =
      ledger.finalBefore(token, exchange.began) ??
      ledger.endsOfSession(token, exchange.began).find(({ confirmed }) => confirmed);
    if (!ending) return;
    const details = [`It was ${nameOf(token)}.`, `It had been ended by ${nameOfEnding(ending)}.`];
    accuse('A token was accepted after its end had been confirmed.', exchange, details, ending.node);
  };

  const expected = (request: string, exchange: Exchange) => {
    const { outcome } = exchange;
    if (outcome.kind === 'fault') {
      accuse('A node or service met an unexpected fault.', exchange, [
        `To ${request}`,
        `it said ${outcome.why}.`,
      ]);
    }
    return exchange;
  };

  const send: Witness['send'] = async (node, query, variables, token, needsGoodToken = true) => {
    const exchange = expected(query, await ask(node, query, variables, token?.text));
    if (exchange.outcome.kind === 'done' && token && needsGoodToken) accepted(token, exchange);
    return exchange;
  };

  const verdictOn = ({ node, outcome }: Exchange): Verdict => {
    if (outcome.kind === 'done') return 'ACCEPTED';
    if (outcome.kind === 'unavailable') return 'UNAVAILABLE';
    if (outcome.kind === 'fault') return 'WRONG';
    if (outcome.code === 'FORBIDDEN') return 'ACCEPTED';
    if (outcome.reason === 'TOKEN_REVOKED') return 'REVOKED';
    // A service knows the keys that nodes publish. A revoked one is not among them.
    return node.kind === 'service' && outcome.reason === 'TOKEN_INVALID' ? 'DISOWNED' : 'WRONG';
  };

  return {
    ledger,
    counts,
    violations,
    enough: enough.signal,
    accuse,
    send,
    sendToRevoke: async (node, token) => expected('/oauth/revoke', await askToRevoke(node, token)),
    granted(text, exchange) {
      const token = ledger.note(text);
      const ending = ledger.acknowledgedBefore(token, exchange.began);
      const [sessionEnding] = ledger.endsOfSession(token, exchange.began);
      const accuseOf = (promise: string, by: Ending) => {
        const details = [`It is ${nameOf(token)}.`, `It had been ended by ${nameOfEnding(by)}.`];
        accuse(promise, exchange, details, by.node);
      };
      if (ending) accuseOf('A token was granted that had been ended before.', ending);
      else if (sessionEnding) accuseOf('A session got new tokens after its end.', sessionEnding);
      return token;
    },
    async present(token, node, way = 'check') {
      const exchange = await send(node, way === 'me' || token.role === 'ADMIN' ? ME : CHECK, {}, token);
      const { began, ended, outcome } = exchange;
      const sighting = { node, began, ended, verdict: verdictOn(exchange), answer: inShort(outcome) };
      switch (sighting.verdict) {
        case 'ACCEPTED':
          counts.accepted += 1;
          // The completed requests have been judged on the way.
          if (outcome.kind !== 'done') accepted(token, exchange);
          break;
        case 'REVOKED':
          counts.refused += 1;
          if (!token.refused || sighting.ended < token.refused.ended) token.refused = sighting;
          break;
        case 'DISOWNED':
          counts.refused += 1;
          if (!token.disowned || sighting.ended < token.disowned.ended) token.disowned = sighting;
          break;
        case 'UNAVAILABLE':
          counts.unavailable += 1;
          break;
        case 'WRONG':
          if (outcome.kind === 'fault') break;
          accuse('A token of ours was called something else than revoked.', exchange, [
            `It was ${nameOf(token)}.`,
            `${node.name} said ${sighting.answer}.`,
          ]);
      }
      return sighting;
    },
  };
}
