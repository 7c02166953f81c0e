import { setTimeout as sleep } from 'node:timers/promises';
import { RECEIPT } from '../support/api';
import type { Reach, Token } from './ledger';
import type { Scene, Session } from './population';
import type { Exchange, ReceiptAnswer } from './requests';
import {
  administrator,
  AFTER_TROUBLE,
  GRANT,
  type GrantAnswer,
  refresh,
  register,
  renewAdministrator,
  take,
} from './sessions';

interface Order {
  readonly kind: string;
  readonly mutation: string;
  readonly variables?: object;
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
async function revoke(scene: Scene, order: Order): Promise<Exchange> {
  const { node, witness, tally, population, random } = scene;
  const { kind, mutation, variables, token, needsGoodToken, target = token, reachOf } = order;
  if (random.chance(RACES)) scene.checkEverywhere([target]);
  const exchange = await witness.send(node, mutation, variables, token, needsGoodToken);
  const { outcome, began: sent, ended: received } = exchange;
  const counts = tally.of(kind);
  if (outcome.kind === 'refused') counts.refused += 1;
  else if (outcome.kind !== 'done') {
    counts.unknown += 1;
    await sleep(AFTER_TROUBLE);
  } else if (!outcome.receipt) {
    witness.accuse('A revocation was answered without a receipt.', exchange, [`It was ${mutation}.`]);
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
    else tally.unconfirmed(unconfirmedReason ?? 'No reason was given.');
  }
  return exchange;
}

const ofSession = (userId: string, sessionId: string) => (): Reach => ({
  scope: 'SESSION',
  userId,
  sessionId,
});

const ofUser =
  (userId: string) =>
  ({ tokenVersion }: ReceiptAnswer): Reach | undefined =>
    typeof tokenVersion !== 'number' ? undefined : { scope: 'USER', userId, below: tokenVersion };

const wasRefused = ({ outcome }: Exchange) =>
  outcome.kind === 'refused' && outcome.code === 'UNAUTHENTICATED';

/** An action of a user on one of their devices. */
export type Deed = (scene: Scene, session: Session) => Promise<void>;

const logout: Deed = async (scene, session) => {
  const { token } = session;
  const order: Order = {
    kind: 'logout',
    mutation: `mutation { it: logout ${RECEIPT} }`,
    token,
    needsGoodToken: false,
    reachOf: ofSession(token.userId, session.id),
  };
  let { outcome } = await revoke(scene, order);
  if (outcome.kind !== 'done') return;
  scene.population.sessions.delete(session);
  // A client repeats a mutation whose receipt was unconfirmed.
  for (let i = 0; i < 3 && outcome.kind === 'done' && outcome.receipt?.confirmed === false; i++) {
    await sleep(200);
    ({ outcome } = await revoke(scene, { ...order, kind: 'logout, asked again' }));
  }
  // Another copy of the refresh token must be refused. A grant would be judged.
  if (scene.random.chance(0.2)) await refresh(scene, { ...session, shaky: true });
};

/** Raises the version and continues with new tokens. */
async function reissue(
  scene: Scene,
  session: Session,
  kind: string,
  mutation: string,
  variables: object = {},
): Promise<Exchange> {
  const { token } = session;
  const exchange = await revoke(scene, {
    kind,
    mutation,
    variables,
    token,
    reachOf: ofUser(token.userId),
  });
  const { outcome } = exchange;
  if (outcome.kind === 'done') take(scene, session, exchange, outcome.data.it as GrantAnswer);
  else if (wasRefused(exchange)) await refresh(scene, session);
  else if (outcome.kind !== 'refused') session.shaky = true;
  return exchange;
}

const logoutOthers: Deed = async (scene, session) => {
  await reissue(scene, session, 'logoutOthers', `mutation { it: logoutOthers ${GRANT} }`);
};

const changePassword: Deed = async (scene, session) => {
  const { user } = session;
  const [current = ''] = user.passwords;
  // Not for a user whose password is uncertain, or who is disabled.
  if (user.passwords.length > 1 || user.out) return;
  const next = `correct horse battery ${scene.random.whole(0, 1e9)}`;
  user.passwords = [next, current];
  user.changes += 1;
  const { outcome } = await reissue(
    scene,
    session,
    'changePassword',
    `mutation($input: ChangePasswordInput!) { it: changePassword(input: $input) ${GRANT} }`,
    { input: { currentPassword: current, newPassword: next } },
  );
  // Without an answer both passwords stay. The next sign-in finds the right one.
  if (outcome.kind === 'done') user.passwords = [next];
  if (outcome.kind === 'refused') user.passwords = [current];
  user.changes += 1;
};

const logoutEverywhere: Deed = async (scene, session) => {
  const exchange = await revoke(scene, {
    kind: 'logoutEverywhere',
    mutation: `mutation { it: logoutEverywhere ${RECEIPT} }`,
    token: session.token,
    reachOf: ofUser(session.token.userId),
  });
  if (exchange.outcome.kind === 'done') scene.population.sessions.delete(session);
  else if (wasRefused(exchange)) await refresh(scene, session);
};

const logoutSession: Deed = async (scene, session) => {
  const others = [...scene.population.sessions].filter((it) => it.user === session.user && it !== session);
  if (others.length === 0) return;
  const { id, token: target } = scene.random.pick(others);
  const exchange = await revoke(scene, {
    kind: 'logoutSession',
    mutation: `mutation($id: ID!) { it: logoutSession(sessionId: $id) ${RECEIPT} }`,
    variables: { id },
    token: session.token,
    target,
    reachOf: ofSession(session.token.userId, id),
  });
  if (wasRefused(exchange)) await refresh(scene, session);
};

/** Deletes the account and registers another user instead. */
const deleteAccount: Deed = async (scene, session) => {
  const { user } = session;
  if (user.passwords.length > 1 || user.out) return;
  user.out = true;
  const exchange = await revoke(scene, {
    kind: 'deleteAccount',
    mutation: `mutation($password: String!) { it: deleteAccount(password: $password) ${RECEIPT} }`,
    variables: { password: user.passwords[0] },
    token: session.token,
    reachOf: ofUser(session.token.userId),
  });
  if (exchange.outcome.kind === 'refused') {
    user.out = false;
    user.changes += 1;
    await refresh(scene, session);
    return;
  }
  // Without an answer too: the account may be gone.
  scene.population.users.splice(scene.population.users.indexOf(user), 1);
  await register(scene);
};

type AdminOrder = Omit<Order, 'token'>;

/** An action of the administrator, repeated once if their token had been ended. */
async function byAdministrator(
  scene: Scene,
  order: (token: Token) => AdminOrder,
): Promise<Exchange | undefined> {
  const admin = await administrator(scene);
  if (!admin) return undefined;
  const exchange = await revoke(scene, { ...order(admin.token), token: admin.token });
  if (wasRefused(exchange)) await renewAdministrator(scene);
  return exchange;
}

const setRole: Deed = async (scene, { user, token: target }) => {
  const role = user.role === 'USER' ? 'ADMIN' : 'USER';
  const exchange = await byAdministrator(scene, () => ({
    kind: 'setRole',
    target,
    mutation: 'mutation($id: ID!, $role: Role!) { setRole(userId: $id, role: $role) { id } }',
    variables: { id: user.id, role },
    reachOf: ofUser(user.id),
  }));
  // Setting the present role ends nothing.
  if (exchange?.outcome.kind === 'done') user.role = role;
};

const forceLogout: Deed = async (scene, { user, token: target }) => {
  await byAdministrator(scene, () => ({
    kind: 'forceLogout',
    target,
    mutation: `mutation($id: ID!) { it: forceLogout(userId: $id, reason: "chaos") ${RECEIPT} }`,
    variables: { id: user.id },
    reachOf: ofUser(user.id),
  }));
};

const forceLogoutSession: Deed = async (scene, { user, id, token: target }) => {
  await byAdministrator(scene, () => ({
    kind: 'forceLogoutSession',
    target,
    mutation: `mutation($id: ID!) { it: forceLogoutSession(sessionId: $id, reason: "chaos") ${RECEIPT} }`,
    variables: { id },
    reachOf: ofSession(user.id, id),
  }));
};

const forceLogoutAll: Deed = async (scene) => {
  await byAdministrator(scene, ({ globalVersion }) => ({
    kind: 'forceLogoutAll',
    mutation: `mutation { it: forceLogoutAll(reason: "chaos") ${RECEIPT} }`,
    // A token of that version was accepted, so the new version is higher.
    reachOf: () => ({ scope: 'EVERYONE', upTo: globalVersion }),
  }));
};

const revokeKeys: Deed = async (scene) => {
  const keyIds = new Set(scene.witness.ledger.keyIds);
  await byAdministrator(scene, () => ({
    kind: 'rotateSigningKey',
    mutation: 'mutation { rotateSigningKey(revokeOld: true) { id } }',
    reachOf: () => ({ scope: 'KEYS', keyIds }),
  }));
};

/** Disables a user for a moment. Enabling revives no token, which the clients verify. */
const disableAndEnable: Deed = async (scene, { user, token: target }) => {
  if (user.out) return;
  user.out = true;
  user.changes += 1;
  await byAdministrator(scene, () => ({
    kind: 'disableUser',
    target,
    mutation: 'mutation($id: ID!) { disableUser(userId: $id, reason: "chaos") { id } }',
    variables: { id: user.id },
    reachOf: ofUser(user.id),
  }));
  while (!scene.stop.aborted) {
    const admin = await administrator(scene);
    const exchange =
      admin &&
      (await scene.witness.send(
        scene.node,
        'mutation($id: ID!) { enableUser(userId: $id) { id } }',
        { id: user.id },
        admin.token,
      ));
    if (exchange?.outcome.kind === 'done') {
      user.changes += 1;
      user.out = false;
      return;
    }
    if (exchange && wasRefused(exchange)) await renewAdministrator(scene);
    else await sleep(50);
  }
};

/** The weights of the actions. Actions with a slow password hash, and those that hit everyone, are rare. */
export const DEEDS: readonly (readonly [weight: number, deed: Deed])[] = [
  [420, setRole],
  [240, logoutOthers],
  [110, logout],
  [60, logoutSession],
  [60, forceLogoutSession],
  [40, logoutEverywhere],
  [40, forceLogout],
  [25, disableAndEnable],
  [8, changePassword],
  [6, deleteAccount],
  [3, forceLogoutAll],
  [3, revokeKeys],
];
