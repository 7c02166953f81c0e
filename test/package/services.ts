/** What a service does with the package, as text: it prints what came out. */
export const CHECKS = `
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' };
  const guard = await createGuard({
    issuer: 'https://auth.example.com',
    audience: 'api',
    jwks: { keys: [jwk] },
    introspection: { url: 'http://127.0.0.1:1/oauth/introspect', secret: 'only for tests' },
  });
  const context = await apolloContext(guard)({ req: { headers: {} } });
  let refusal;
  try { requireUser(context); } catch (error) { refusal = error; }
  await guard.close();
  const wrong = await createGuard({}).catch((error) => error instanceof GuardOptionsError);
  console.log(JSON.stringify({
    status: guard.status(), auth: context.auth, wrong,
    refusal: refusal.extensions, own: refusal instanceof GraphQLError,
  }));`;

/** What it prints. */
export const CHECKED = {
  status: { view: 'off', node: 'off', redis: 'off', viewSize: 0, keys: 1 },
  auth: { ok: false, code: 'TOKEN_MISSING' },
  wrong: true,
  refusal: { code: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING', http: { status: 401 } },
  // The GraphQLError of the service, not of another copy: Apollo shows only errors of that class.
  own: true,
};

/** A service, its test, and a page in TypeScript. They must compile without the server's packages. */
export const PROGRAM = `
import { apolloContext, type AuthContext, createGuard, type GuardOptions, GuardOptionsError, requireUser } from 'tokenfence';
import { createSession } from 'tokenfence/client';
import { createTestTokenfence, type TestTokenfence, testGuard, testPrincipal } from 'tokenfence/testing';

interface Ours { claims: { tenant: string }; role: 'EDITOR' }

export async function serve(options: GuardOptions): Promise<string> {
  const guard = await createGuard<Ours>(options);
  const context: AuthContext<Ours> = await apolloContext(guard)({ req: { headers: { authorization: 'Bearer x' } } });
  const { userId, role, claims } = requireUser(context, 'EDITOR');
  const tenant: string = claims.tenant;
  const answer = await guard.authenticate(undefined);
  // @ts-expect-error -- only after a check of ok
  answer.principal.userId;
  // @ts-expect-error -- an unknown role
  requireUser(context, 'KING');
  // @ts-expect-error -- an unknown claim
  claims.king;
  // @ts-expect-error -- an option that would fail open
  await createGuard({ ...options, whenUnavailable: 'allow' });
  const ended: () => void = guard.onRevocation((revocation) => revocation.kind);
  ended();
  await guard.close();
  return userId + role + tenant + guard.status().view + String(GuardOptionsError);
}

export async function test(): Promise<TestTokenfence> {
  const guard = testGuard(testPrincipal<Ours>({ role: 'EDITOR', claims: { tenant: 'acme' } }));
  const answer = await guard.authenticate(undefined);
  if (answer.ok) answer.principal.claims.tenant satisfies string;
  const auth = await createTestTokenfence({ roles: ['EDITOR'], hooks: {} });
  // @ts-expect-error -- a test has no store of its own
  await createTestTokenfence({ redisUrl: 'redis://localhost' });
  await auth.api.forceLogout((await auth.signUp()).userId);
  return auth;
}

export async function visit(url: string): Promise<string> {
  const session = createSession({ url });
  const user = await session.login({ email: 'ada@example.com', password: 'x' });
  // @ts-expect-error -- a password is needed
  await session.login({ email: 'ada@example.com' });
  const receipt = await session.logout();
  return user.id + String(receipt?.confirmed);
}
`;

/** An application with the service in it, and its test. Both must compile. */
export const APPLICATION = `
import { createTokenfence, fromEnv, type Tokenfence } from 'tokenfence/server';
import { createTestTokenfence, testGuard, testPrincipal } from 'tokenfence/testing';

interface Ours { claims: { tenant: string }; role: 'EDITOR' }

export async function open(): Promise<void> {
  const auth: Tokenfence = await createTokenfence({ ...fromEnv({}), roles: ['EDITOR'] });
  const typeDefs: string = auth.typeDefs;
  await auth.close();
  // @ts-expect-error -- not an option
  await createTokenfence({ tenant: typeDefs });
}

export async function test(): Promise<string> {
  const guard = testGuard(testPrincipal<Ours>({ role: 'EDITOR', claims: { tenant: 'acme' } }));
  // @ts-expect-error -- the type promises a tenant
  testPrincipal<Ours>({ role: 'EDITOR' });
  const auth = await createTestTokenfence();
  const { authorization } = await auth.signUp();
  const answer = await guard.authenticate(authorization);
  await auth.close();
  return answer.ok ? answer.principal.claims.tenant : answer.code;
}
`;
