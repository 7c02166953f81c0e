import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN } from '../support/api';
import type { Scene, Session, User } from './population';
import type { Exchange } from './requests';

/** The pause of a client after an unreachable node, in ms. */
export const AFTER_TROUBLE = 40;

export const GRANT = '{ accessToken refreshToken }';
const PASSWORD = 'correct horse battery';

export interface GrantAnswer {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Keeps the tokens that a session received. */
export function take(scene: Scene, session: Session, exchange: Exchange, grant: GrantAnswer): void {
  session.token = scene.witness.granted(grant.accessToken, exchange);
  session.refreshToken = grant.refreshToken;
}

function open({ witness }: Scene, user: User, exchange: Exchange, grant: GrantAnswer): Session {
  const token = witness.granted(grant.accessToken, exchange);
  return {
    user,
    id: token.sessionId,
    token,
    refreshToken: grant.refreshToken,
    busy: false,
    shaky: false,
  };
}

export async function register(scene: Scene): Promise<User | undefined> {
  const { population, witness, node } = scene;
  // A new email each time: a registration without an answer may have taken place.
  const email = population.newEmail();
  const exchange = await witness.send(
    node,
    `mutation($email: String!) { it: register(input: {email: $email, password: "${PASSWORD}"}) ${GRANT} }`,
    { email },
  );
  const { outcome } = exchange;
  if (outcome.kind !== 'done') return undefined;
  const token = witness.granted(outcome.data.it.accessToken as string, exchange);
  const user: User = {
    id: token.userId,
    email,
    passwords: [PASSWORD],
    out: false,
    changes: 0,
    role: 'USER',
  };
  population.users.push(user);
  population.sessions.add(open(scene, user, exchange, outcome.data.it as GrantAnswer));
  return user;
}

/** Signs a user in on a new device. */
export async function login(scene: Scene, user: User): Promise<Session | undefined> {
  const { witness, node, tally } = scene;
  const { changes } = user;
  let exchange: Exchange | undefined;
  for (const password of user.passwords) {
    exchange = await witness.send(
      node,
      `mutation($input: LoginInput!) { it: login(input: $input) ${GRANT} }`,
      {
        input: { email: user.email, password },
      },
    );
    const { outcome } = exchange;
    if (outcome.kind === 'done') {
      tally.logins += 1;
      return open(scene, user, exchange, outcome.data.it as GrantAnswer);
    }
    if (outcome.kind !== 'refused') return undefined;
  }
  // A password that was being changed proves nothing.
  if (exchange && !user.out && user.changes === changes && user.passwords.length === 1) {
    witness.accuse('An account that was made cannot sign in.', exchange, [`It is ${user.email}.`]);
  }
  return undefined;
}

/** Refreshes a session. Resolves with whether it lives on, as far as the client knows. */
export async function refresh(scene: Scene, session: Session): Promise<boolean> {
  const { witness, node, tally, population } = scene;
  const exchange = await witness.send(
    node,
    `mutation($token: String) { it: refresh(refreshToken: $token) ${GRANT} }`,
    {
      token: session.refreshToken,
    },
  );
  const { outcome } = exchange;
  switch (outcome.kind) {
    case 'done':
      tally.refreshes += 1;
      take(scene, session, exchange, outcome.data.it as GrantAnswer);
      return true;
    case 'refused':
      population.sessions.delete(session);
      if (!session.shaky) {
        population.dead.push({ id: session.id, exchange });
        if (outcome.code === 'REFRESH_TOKEN_REUSED') {
          witness.accuse('A refresh token that was never used is called used.', exchange, [
            `Of session ${session.id}.`,
          ]);
        }
      }
      return false;
    default:
      // The refresh token may be used, and is good for 10 more seconds. Later it rightly ends the session.
      session.shaky = true;
      await sleep(AFTER_TROUBLE);
      return true;
  }
}

/** The administrator with a token that was just good, or nothing while there is none. */
export async function administrator(scene: Scene): Promise<Session | undefined> {
  const root: User = {
    id: '',
    email: ADMIN.email,
    passwords: [ADMIN.password],
    out: false,
    changes: 0,
    role: 'ADMIN',
  };
  scene.admin ??= await login(scene, root);
  return scene.admin;
}

/** Gets the administrator another token after a refusal. */
export async function renewAdministrator(scene: Scene): Promise<void> {
  const { admin } = scene;
  if (admin && !(await refresh(scene, admin))) scene.admin = undefined;
}
