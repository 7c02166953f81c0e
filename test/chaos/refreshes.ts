import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetNode } from './fleet';
import type { Token } from './ledger';
import type { Scene, Session } from './population';
import { AFTER_TROUBLE, type Exchange } from './requests';
import { GRANT, type GrantAnswer } from './sessions';

/** The time for which a used refresh token surely gets its successor again, in ms: less than the 10 s of the grace. */
export const SURE_GRACE = 9000;

/** The number of used refresh tokens that are kept. */
const MOST_USED = 15;

/** A refresh token that was sent, and the new tokens if they were given. */
export interface Try {
  readonly exchange: Exchange;
  readonly granted?: { readonly token: Token; readonly refreshToken: string };
}

/** Sends a refresh token. Judges new tokens: by the ends of their session, and by the successor of before. */
export async function present(
  { witness, population, tally, node: ownNode }: Scene,
  refreshToken: string,
  node: FleetNode = ownNode,
): Promise<Try> {
  const query = `mutation($token: String) { it: refresh(refreshToken: $token) ${GRANT} }`;
  const exchange = await witness.send(node, query, { token: refreshToken });
  if (exchange.outcome.kind !== 'done') return { exchange };
  const grant = exchange.outcome.data.it as GrantAnswer;
  const token = witness.granted(grant.accessToken, exchange);
  const known = population.generations.follow(refreshToken, grant.refreshToken);
  tally[known ? 'repeated' : 'refreshes'] += 1;
  if (known && !known.isOne) {
    witness.accuse('One refresh token got two successors.', exchange, [
      `Of session ${token.sessionId}: ${refreshToken}`,
      `got ${known.before}`,
      `and then ${grant.refreshToken}.`,
    ]);
  }
  return { exchange, granted: { token, refreshToken: grant.refreshToken } };
}

/** Notes that a session was ended because one of its old refresh tokens was sent. */
export function foundTheft({ witness, population }: Scene, session: Session, exchange: Exchange): void {
  const { node, began: sent, ended: received } = exchange;
  const reach = { scope: 'SESSION', userId: session.token.userId, sessionId: session.id } as const;
  const tokens = witness.ledger.end({ kind: 'theft', node, reach, sent, received, confirmed: false });
  population.ended.push(...tokens.slice(-20));
  population.sessions.delete(session);
  population.gone.push(session);
}

/** Judges a refusal of a refresh token that its client used rightly. */
function judgeRefusal(scene: Scene, session: Session, { exchange }: Try, isSure: boolean): void {
  const { population, witness } = scene;
  const { outcome } = exchange;
  if (outcome.kind !== 'refused') return;
  population.sessions.delete(session);
  if (outcome.code === 'REFRESH_TOKEN_REUSED') {
    if (isSure)
      witness.accuse('A refresh token that was used rightly is called used.', exchange, [
        `Of session ${session.id}.`,
      ]);
    foundTheft(scene, session, exchange);
  } else if (!session.shaky) population.dead.push({ id: session.id, exchange });
}

/** Judges every use of a session's current refresh token, and continues with the new tokens. */
export async function conclude(scene: Scene, session: Session, tries: readonly Try[]): Promise<boolean> {
  const first = Math.min(session.unanswered ?? Infinity, ...tries.map(({ exchange }) => exchange.began));
  const isRepeated = tries.length > 1 || session.unanswered !== undefined;
  for (const each of tries) {
    const isLate = isRepeated && each.exchange.ended - first > SURE_GRACE;
    if (isLate) scene.population.robbed.add(session.id);
    judgeRefusal(scene, session, each, !isLate);
  }
  const granted = tries.find((each) => each.granted)?.granted;
  if (granted) {
    session.used = [...session.used.slice(-MOST_USED), session.refreshToken];
    session.token = granted.token;
    session.refreshToken = granted.refreshToken;
    session.unanswered = undefined;
    session.shaky = false;
    return true;
  }
  if (tries.some(({ exchange }) => exchange.outcome.kind === 'refused')) return false;
  // It may be used. The client sends it again, and gets the same successor.
  session.unanswered = first;
  await sleep(AFTER_TROUBLE);
  return true;
}

/** Refreshes a session. Resolves with whether it lives on, as far as the client knows. */
export async function refresh(scene: Scene, session: Session, node?: FleetNode): Promise<boolean> {
  return conclude(scene, session, [await present(scene, session.refreshToken, node)]);
}
