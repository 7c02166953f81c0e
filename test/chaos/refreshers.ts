import { setTimeout as sleep } from 'node:timers/promises';
import { logoutOthers } from './actions';
import { setRole } from './admin-actions';
import type { Action, Scene } from './population';
import { conclude, foundTheft, present, refresh, SURE_GRACE } from './refreshes';
import { AFTER_TROUBLE } from './requests';

/** The pause of a refreshing client between two uses, in ms. */
const BETWEEN_REFRESHES = 5;

/** The largest delay of a client that asks again, in ms. Well within the grace of 10 s. */
const LONGEST_DELAY = 500;

/** How many generations old a stolen token is. */
const STOLEN_AGE = 10;

/** The tries of a thief whose request got no answer. */
const TRIES_OF_THIEF = 5;

const anyNode = ({ random, nodes }: Scene) => random.pick(nodes);

const once: Action = async (scene, session) => {
  await refresh(scene, session, anyNode(scene));
};

/** Two tabs refresh at once. */
const twiceAtOnce: Action = async (scene, session) => {
  const { refreshToken } = session;
  const use = () => present(scene, refreshToken, anyNode(scene));
  await conclude(scene, session, await Promise.all([use(), use()]));
};

/** A client that lost the answer, or lost patience, asks again. */
const askAgain: Action = async (scene, session) => {
  const { random } = scene;
  const { refreshToken } = session;
  const first = present(scene, refreshToken, anyNode(scene));
  if (random.chance(0.5)) await first;
  await sleep(LONGEST_DELAY * random.next() ** 3);
  const second = present(scene, refreshToken, anyNode(scene));
  await conclude(scene, session, await Promise.all([first, second]));
};

/** One tab ends the other sessions while another tab refreshes. */
const besideLogoutOthers: Action = async (scene, session) => {
  const { refreshToken } = session;
  const first = (session.unanswered ??= performance.now());
  const tried = present(scene, refreshToken, anyNode(scene));
  await logoutOthers({ ...scene, node: anyNode(scene) }, session);
  const result = await tried;
  if (session.refreshToken === refreshToken) {
    // The other tab got no tokens. Its answer may be lost, whatever this one got.
    const { shaky } = session;
    await conclude(scene, session, [result]);
    session.shaky ||= shaky;
    return;
  }
  const { exchange } = result;
  const { outcome } = exchange;
  // Useless now, or ended by somebody else. It is never called used.
  const isSure = exchange.ended - first <= SURE_GRACE;
  if (!isSure) scene.population.robbed.add(session.id);
  else if (outcome.kind === 'refused' && outcome.code === 'REFRESH_TOKEN_REUSED') {
    scene.witness.accuse('A refresh beside logoutOthers was called a theft.', exchange, [
      `Of session ${session.id}.`,
    ]);
  }
};

/** The role of the user is changed while two tabs refresh. */
const besideSetRole: Action = async (scene, session) => {
  await Promise.all([setRole(scene, session), twiceAtOnce(scene, session)]);
};

/** A thief sends an old token. The session must end, and its newest refresh token with it. */
const steal: Action = async (scene, session) => {
  const { population, witness, tally, random } = scene;
  // An answer that was lost may have made the old tokens useless.
  while (session.shaky || session.used.length < STOLEN_AGE) {
    if (!(await refresh(scene, session, anyNode(scene))) || scene.stop.aborted) return;
  }
  const stolen = session.used.at(-STOLEN_AGE) ?? '';
  population.robbed.add(session.id);
  for (let i = 0; i < TRIES_OF_THIEF; i++) {
    const { exchange } = await present(scene, stolen, anyNode(scene));
    const { outcome } = exchange;
    if (outcome.kind === 'done') {
      witness.accuse('An old refresh token was exchanged for new tokens.', exchange, [
        `Of session ${session.id}, ${STOLEN_AGE} generations old.`,
      ]);
      return;
    }
    if (outcome.kind === 'refused') {
      if (outcome.code === 'REFRESH_TOKEN_REUSED') {
        tally.thefts += 1;
        foundTheft(scene, session, exchange);
      } else {
        // It must have ended before.
        population.sessions.delete(session);
        population.dead.push({ id: session.id, exchange });
      }
      if (random.chance(0.5)) await present(scene, session.refreshToken, anyNode(scene));
      return;
    }
    await sleep(AFTER_TROUBLE);
  }
  // It may have ended.
  population.sessions.delete(session);
};

const WAYS: readonly (readonly [weight: number, action: Action])[] = [
  [40, once],
  [25, twiceAtOnce],
  [20, askAgain],
  [6, besideSetRole],
  [4, besideLogoutOthers],
  [3, steal],
];

/** The share of refreshes with the token of a session that has ended. */
const GONE = 0.15;

/** The number of newest ended sessions from which they are chosen. */
const NEWEST_GONE = 40;

/** Refreshes sessions all the time, on changing nodes. */
export async function keepRefreshing(scene: Scene): Promise<void> {
  const { population, random, stop } = scene;
  while (!stop.aborted) {
    const { gone } = population;
    if (gone.length > 0 && random.chance(GONE)) {
      // New tokens would be judged.
      await present(scene, random.pick(gone.slice(-NEWEST_GONE)).refreshToken, anyNode(scene));
    }
    const idle = [...population.sessions].filter(({ busy }) => !busy);
    if (idle.length > 0) {
      const session = random.pick(idle);
      session.busy = true;
      await random.weighted(WAYS)(scene, session);
      session.busy = false;
    }
    await sleep(BETWEEN_REFRESHES);
  }
}
