import { setTimeout as sleep } from 'node:timers/promises';
import { RECEIPT } from '../support/api';
import {
  disableAndEnable,
  forceLogout,
  forceLogoutAll,
  forceLogoutSession,
  revokeKeys,
  setRole,
} from './admin-actions';
import type { Action, Scene, Session } from './population';
import { present, refresh } from './refreshes';
import type { Exchange } from './requests';
import { ofSession, ofUser, type Order, revoke, wasRefused } from './revoke';
import { GRANT, type GrantAnswer, register, take } from './sessions';

/** Forgets a session that its client has ended. Its refresh token is tried again now and then. */
function end({ population }: Scene, session: Session): void {
  population.sessions.delete(session);
  population.gone.push(session);
}

const logout: Action = async (scene, session) => {
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
  end(scene, session);
  // A client repeats a mutation whose receipt was unconfirmed.
  for (let i = 0; i < 3 && outcome.kind === 'done' && outcome.receipt?.confirmed === false; i++) {
    await sleep(200);
    ({ outcome } = await revoke(scene, { ...order, kind: 'logout, asked again' }));
  }
  // Another copy of the refresh token must be refused. A grant would be judged.
  if (scene.random.chance(0.2)) await present(scene, session.refreshToken);
};

const revokeAtOauth: Action = async (scene, session) => {
  const { token, refreshToken, used } = session;
  const oauthToken = scene.random.pick([refreshToken, used.at(-1) ?? refreshToken, token.text]);
  const reachOf = ofSession(token.userId, session.id);
  const { outcome } = await revoke(scene, { kind: '/oauth/revoke', oauthToken, token, reachOf });
  if (outcome.kind === 'done') end(scene, session);
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
    reachOf: ofUser(token.userId, { sessionId: session.id }),
  });
  const { outcome } = exchange;
  if (outcome.kind === 'done') take(scene, session, exchange, outcome.data.it as GrantAnswer);
  else if (wasRefused(exchange)) await refresh(scene, session);
  else if (outcome.kind !== 'refused') session.shaky = true;
  return exchange;
}

export const logoutOthers: Action = async (scene, session) => {
  await reissue(scene, session, 'logoutOthers', `mutation { it: logoutOthers ${GRANT} }`);
};

const changePassword: Action = async (scene, session) => {
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

const logoutEverywhere: Action = async (scene, session) => {
  const exchange = await revoke(scene, {
    kind: 'logoutEverywhere',
    mutation: `mutation { it: logoutEverywhere ${RECEIPT} }`,
    token: session.token,
    reachOf: ofUser(session.token.userId),
  });
  if (exchange.outcome.kind === 'done') end(scene, session);
  else if (wasRefused(exchange)) await refresh(scene, session);
};

const logoutSession: Action = async (scene, session) => {
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
const deleteAccount: Action = async (scene, session) => {
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

/** The weights of the actions. Actions with a slow password hash, and those that hit everyone, are rare. */
export const ACTIONS: readonly (readonly [weight: number, action: Action])[] = [
  [420, setRole],
  [240, logoutOthers],
  [110, logout],
  [60, logoutSession],
  [40, revokeAtOauth],
  [60, forceLogoutSession],
  [40, logoutEverywhere],
  [40, forceLogout],
  [25, disableAndEnable],
  [8, changePassword],
  [6, deleteAccount],
  [3, forceLogoutAll],
  [3, revokeKeys],
];
