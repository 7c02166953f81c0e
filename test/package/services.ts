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
  status: { view: 'off', redis: 'off', viewSize: 0, keys: 1 },
  auth: { ok: false, code: 'TOKEN_MISSING' },
  wrong: true,
  refusal: { code: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING', http: { status: 401 } },
  // The GraphQLError of the service, not of another copy: Apollo shows only errors of that class.
  own: true,
};

/** A service in TypeScript, which must compile. */
export const PROGRAM = `
import { apolloContext, type AuthContext, createGuard, type GuardOptions, GuardOptionsError, requireUser } from 'tokenfence';

export async function serve(options: GuardOptions): Promise<string> {
  const guard = await createGuard(options);
  const context: AuthContext = await apolloContext(guard)({ req: { headers: { authorization: 'Bearer x' } } });
  const { userId, role } = requireUser(context, 'ADMIN');
  const answer = await guard.authenticate(undefined);
  // @ts-expect-error -- only after a check of ok
  answer.principal.userId;
  // @ts-expect-error -- an unknown role
  requireUser(context, 'KING');
  // @ts-expect-error -- an option that would fail open
  await createGuard({ ...options, whenUnavailable: 'allow' });
  const ended: () => void = guard.onRevocation((revocation) => revocation.kind);
  ended();
  await guard.close();
  return userId + role + guard.status().view + String(GuardOptionsError);
}
`;
