import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceGuard } from '../../src/guard/create-guard';
import type { Tokens } from './api';
import { eventually } from './eventually';
import { ask } from './guards';
import type { TestNode } from './world';

/** Users who log out all the time, while every token that ended is presented again everywhere. */
export interface Revoking {
  /** Resolves when a logout is confirmed again. Throws if that takes longer than the promised 10 s. */
  untilConfirmed(): Promise<void>;
  /** Stops, and returns how many logouts were confirmed. Throws if an ended token was accepted, or a good one ended. */
  stop(): Promise<number>;
}

/** ms within which a logout is confirmed again after a failover. */
const PROMISED = 10_000;

/** ms between two requests of one client. */
const PAUSE = 10;

/** How many of the tokens that ended last are presented. */
const PRESENTED = 5;

/** Whether the check accepts the token, calls it ended, or could not tell. */
type Verdict = 'good' | 'ended' | 'unknown';

const checksOf = (nodes: readonly TestNode[], guards: readonly ServiceGuard[]) => [
  ...nodes.map((node) => async ({ accessToken }: Tokens): Promise<Verdict> => {
    const { data, reason } = await node.api.me(accessToken);
    if (data?.me) return 'good';
    return reason === 'TOKEN_REVOKED' ? 'ended' : 'unknown';
  }),
  ...guards.map((guard) => async (tokens: Tokens): Promise<Verdict> => {
    const result = await ask(guard, tokens);
    if (result.ok) return 'good';
    return result.code === 'TOKEN_REVOKED' ? 'ended' : 'unknown';
  }),
];

export async function startRevoking(
  nodes: readonly TestNode[],
  guards: readonly ServiceGuard[],
): Promise<Revoking> {
  const checks = checksOf(nodes, guards);
  const [first] = nodes as [TestNode];
  const good = await first.api.newUser();
  const ended: Tokens[] = [];
  const faults: string[] = [];
  let confirmed = 0;
  let stopped = false;

  const logOut = async (node: TestNode) => {
    const tokens = await node.api.newUser();
    const receipt = await node.api.end('logout', tokens.accessToken);
    if (!receipt.confirmed) return false;
    confirmed++;
    ended.push(tokens);
    return true;
  };

  // With pauses, which leave the processor to the servers.
  const whileRunning = async (work: () => Promise<unknown>) => {
    while (!stopped) {
      await work();
      await sleep(PAUSE);
    }
  };
  const audit = async (check: (tokens: Tokens) => Promise<Verdict>, index: number) => {
    for (const tokens of ended.slice(-PRESENTED))
      if ((await check(tokens)) === 'good') faults.push(`check ${index} accepted an ended token`);
    if ((await check(good)) === 'ended') faults.push(`check ${index} refused a good token`);
  };
  const work = Promise.all([
    ...nodes.map((node) => whileRunning(() => logOut(node))),
    ...checks.map((check, index) => whileRunning(() => audit(check, index))),
  ]);
  // `stop` throws it.
  work.catch(() => undefined);

  return {
    untilConfirmed: () =>
      eventually(async () => {
        for (const node of nodes) if (!(await logOut(node))) throw new Error('A logout was not confirmed.');
      }, PROMISED),
    async stop() {
      stopped = true;
      await work;
      if (faults.length > 0) throw new Error(faults.join('\n'));
      return confirmed;
    },
  };
}
