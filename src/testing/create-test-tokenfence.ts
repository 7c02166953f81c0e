import { randomBytes, randomUUID } from 'node:crypto';
import type { OpenService } from '../server/create-tokenfence';
import type { Tokenfence, TokenfenceOptions } from '../server/tokenfence';
import { refuseInProduction } from './refuse-in-production';

/** Options of `createTokenfence` that make sense without servers. */
export type TestTokenfenceOptions = Omit<
  TokenfenceOptions,
  | 'databaseUrl'
  | 'databaseSchema'
  | 'databasePoolSize'
  | 'dataDir'
  | 'redisUrl'
  | 'redisWaitReplicas'
  | 'secret'
>;

/** What a test wants of an account. The rest is made up. */
export interface AccountWishes {
  readonly email?: string;
  readonly password?: string;
  /** `USER` if left out. */
  readonly role?: string;
}

/** A user who is signed in. */
export interface TestAccount {
  readonly userId: string;
  readonly sessionId: string;
  readonly email: string;
  readonly password: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** The value of an `Authorization` header. */
  readonly authorization: string;
}

/** The service in memory, with short cuts for tests. */
export interface TestTokenfence extends Tokenfence {
  /** Creates an account and signs it in, as a client on a new device does. */
  signUp(wishes?: AccountWishes): Promise<TestAccount>;
  /** Signs an account in once more: another session. */
  signIn(account: Pick<TestAccount, 'email' | 'password'>): Promise<TestAccount>;
}

const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Where the requests of tests come from. */
const newClient = () => ({ ipAddress: '127.0.0.1', userAgent: 'test', requestId: randomUUID() });

/**
 * Opens the whole service inside the test, with its data in memory: no Postgres, no Redis, no folder. It writes no log, has
 * no rate limits, and asks no server about passwords. It needs the packages of tokenfence-server.
 *
 * @example
 * const auth = await createTestTokenfence({ roles: ['EDITOR'] });
 * const { authorization } = await auth.signUp({ role: 'EDITOR' });
 * await auth.close();
 */
export async function createTestTokenfence(options: TestTokenfenceOptions = {}): Promise<TestTokenfence> {
  refuseInProduction('createTestTokenfence');
  const { createTokenfence } = await import('../server/create-tokenfence.js');
  const auth = await createTokenfence({
    ...{ production: false, rateLimit: false, passwordBreachCheck: false, logger: SILENT, ...options },
    ...{ databaseUrl: 'embedded', dataDir: 'memory://', secret: randomBytes(32).toString('base64') },
  });
  // `api` has no sign-in, which needs a client.
  const { login } = (auth as Tokenfence & OpenService).parts.actions;

  const signIn: TestTokenfence['signIn'] = async ({ email, password }) => {
    const { user, session, accessToken, refreshToken } = await login({ email, password }, newClient());
    const ids = { userId: user.id, sessionId: session.id };
    return { ...ids, email, password, accessToken, refreshToken, authorization: `Bearer ${accessToken}` };
  };

  return {
    ...auth,
    signIn,
    async signUp({ email = `${randomUUID()}@example.com`, password = randomUUID(), role = 'USER' } = {}) {
      await auth.api.createUser({ email, password, role });
      return signIn({ email, password });
    },
  };
}
