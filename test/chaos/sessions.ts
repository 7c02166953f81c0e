import type { Scene, Session, User } from './population';
import type { Exchange } from './requests';

export const GRANT = '{ accessToken refreshToken }';
const PASSWORD = 'correct horse battery';

export interface GrantAnswer {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Keeps the tokens that a session received beside its old ones, which are useless from now on. */
export function take(scene: Scene, session: Session, exchange: Exchange, grant: GrantAnswer): void {
  session.token = scene.witness.granted(grant.accessToken, exchange);
  session.refreshToken = grant.refreshToken;
  session.used = [];
  session.unanswered = undefined;
  session.shaky = false;
}

function open({ witness }: Scene, user: User, exchange: Exchange, grant: GrantAnswer): Session {
  const token = witness.granted(grant.accessToken, exchange);
  return {
    user,
    id: token.sessionId,
    token,
    refreshToken: grant.refreshToken,
    used: [],
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
