import { setTimeout as sleep } from 'node:timers/promises';
import { RECEIPT } from '../support/api';
import { administrator, renewAdministrator } from './administrator';
import type { Token } from './ledger';
import type { Action, Scene } from './population';
import type { Exchange } from './requests';
import { ofSession, ofUser, type Order, revoke, wasRefused } from './revoke';

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

export const setRole: Action = async (scene, { user, token: target }) => {
  const role = user.role === 'USER' ? 'ADMIN' : 'USER';
  const exchange = await byAdministrator(scene, () => ({
    kind: 'setRole',
    target,
    mutation: 'mutation($id: ID!, $role: Role!) { setRole(userId: $id, role: $role) { id } }',
    variables: { id: user.id, role },
    reachOf: ofUser(user.id, 'all'),
  }));
  // Setting the present role ends nothing.
  if (exchange?.outcome.kind === 'done') user.role = role;
};

export const forceLogout: Action = async (scene, { user, token: target }) => {
  await byAdministrator(scene, () => ({
    kind: 'forceLogout',
    target,
    mutation: `mutation($id: ID!) { it: forceLogout(userId: $id, reason: "chaos") ${RECEIPT} }`,
    variables: { id: user.id },
    reachOf: ofUser(user.id),
  }));
};

export const forceLogoutSession: Action = async (scene, { user, id, token: target }) => {
  await byAdministrator(scene, () => ({
    kind: 'forceLogoutSession',
    target,
    mutation: `mutation($id: ID!) { it: forceLogoutSession(sessionId: $id, reason: "chaos") ${RECEIPT} }`,
    variables: { id },
    reachOf: ofSession(user.id, id),
  }));
};

export const forceLogoutAll: Action = async (scene) => {
  await byAdministrator(scene, ({ globalVersion }) => ({
    kind: 'forceLogoutAll',
    mutation: `mutation { it: forceLogoutAll(reason: "chaos") ${RECEIPT} }`,
    // A token of that version was accepted, so the new version is higher.
    reachOf: () => ({ scope: 'EVERYONE', upTo: globalVersion }),
  }));
};

export const revokeKeys: Action = async (scene) => {
  const keyIds = new Set(scene.witness.ledger.keyIds);
  await byAdministrator(scene, () => ({
    kind: 'rotateSigningKey',
    mutation: 'mutation { rotateSigningKey(revokeOld: true) { id } }',
    reachOf: () => ({ scope: 'KEYS', keyIds }),
  }));
};

/** Disables a user for a moment. Enabling revives no token, which the clients verify. */
export const disableAndEnable: Action = async (scene, { user, token: target }) => {
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
