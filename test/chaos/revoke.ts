import { setTimeout as sleep } from 'node:timers/promises';
import type { Kept, Reach, Token } from './ledger';
import type { Scene } from './population';
import { AFTER_TROUBLE, type Exchange, type ReceiptAnswer } from './requests';

export interface Order {
  readonly kind: string;
  readonly mutation?: string;
  readonly variables?: object;
  /** A token that is sent to `/oauth/revoke`, instead of a mutation. */
  readonly oauthToken?: string;
  readonly token: Token;
  /** False if it works with a revoked token too. */
  readonly needsGoodToken?: boolean;
  /** A token that will be ended. Nodes check it meanwhile, so that they learn and forget it. */
  readonly target?: Token;
  /** The tokens that a receipt ends; nothing if it ended none itself. */
  readonly reachOf: (receipt: ReceiptAnswer) => Reach | undefined;
}

/** How often the target is presented during its revocation. */
const RACES = 0.4;

/** The number of ended tokens that are tried on every node right after a receipt. */
const TRIED_AT_ONCE = 2;

/** Sends a revocation and puts its receipt into the ledger. */
export async function revoke(scene: Scene, order: Order): Promise<Exchange> {
  const { node, witness, tally, population, random } = scene;
  const {
    kind,
    mutation = '',
    variables,
    oauthToken,
    token,
    needsGoodToken,
    target = token,
    reachOf,
  } = order;
  if (random.chance(RACES)) scene.checkEverywhere([target]);
  const exchange =
    oauthToken === undefined
      ? await witness.send(node, mutation, variables, token, needsGoodToken)
      : await witness.sendToRevoke(node, oauthToken);
  const { outcome, began: sent, ended: received } = exchange;
  const counts = tally.of(kind);
  if (outcome.kind === 'refused') counts.refused += 1;
  else if (outcome.kind !== 'done') {
    counts.unknown += 1;
    await sleep(AFTER_TROUBLE);
  } else if (!outcome.receipt) {
    witness.accuse('A revocation was answered without a receipt.', exchange, [`It was ${kind}.`]);
  } else {
    const { confirmed, unconfirmedReason } = outcome.receipt;
    tally.acknowledged += 1;
    counts[confirmed ? 'confirmed' : 'unconfirmed'] += 1;
    const reach = reachOf(outcome.receipt);
    if (reach) {
      const ending = { kind, node, reach, sent, received, confirmed };
      const tokens = witness.ledger.end({ ...ending, unconfirmedReason: unconfirmedReason ?? undefined });
      population.ended.push(...tokens.slice(-20));
      scene.checkEverywhere(random.shuffled(tokens.slice(-6)).slice(0, TRIED_AT_ONCE));
    }
    if (confirmed) tally.tookUntilConfirmed(sent, received);
    else tally.unconfirmed(unconfirmedReason ?? 'No reason was given.', sent, received);
  }
  return exchange;
}

export const ofSession = (userId: string, sessionId: string) => (): Reach => ({
  scope: 'SESSION',
  userId,
  sessionId,
});

export const ofUser =
  (userId: string, keeps: Kept = 'none') =>
  ({ tokenVersion }: ReceiptAnswer): Reach | undefined =>
    typeof tokenVersion !== 'number' ? undefined : { scope: 'USER', userId, below: tokenVersion, keeps };

export const wasRefused = ({ outcome }: Exchange) =>
  outcome.kind === 'refused' && outcome.code === 'UNAUTHENTICATED';
