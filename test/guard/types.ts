import {
  type AuthContext,
  authOf,
  createGuard,
  expressGuard,
  fastifyRequireUser,
  type GuardOptions,
  type Principal,
  requireUser,
  typeGraphqlAuthChecker,
} from '../../src';

// `npm run types` judges this file, which nothing runs: each line after "@ts-expect-error" must be an error.

interface Ours {
  claims: { tenant: string };
  role: 'EDITOR' | 'REVIEWER';
}

interface OurContext extends AuthContext<Ours> {
  readonly db: object;
}

export function claimsAndRolesAreThoseOfTheShape(context: OurContext) {
  const principal = requireUser(context, 'EDITOR');
  requireUser(context, 'ADMIN');
  // @ts-expect-error -- a misspelt role
  requireUser(context, 'EDITR');
  // @ts-expect-error -- a misspelt claim
  principal.claims.tenat satisfies string;
  // @ts-expect-error -- claims are shared by all requests with the token
  principal.claims.tenant = 'other';
  return {
    tenant: principal.claims.tenant satisfies string,
    role: principal.role satisfies 'USER' | 'ADMIN' | 'EDITOR' | 'REVIEWER',
  };
}

export async function everyAdapterTakesTheShape(options: GuardOptions, request: object) {
  const guard = await createGuard<Ours>(options);
  const auth = await guard.authenticate('Bearer …');
  if (auth.ok) auth.principal.claims.tenant satisfies string;
  expressGuard(guard, { role: 'REVIEWER' });
  // @ts-expect-error -- a misspelt role
  expressGuard(guard, { role: 'REVIEWR' });
  fastifyRequireUser<Ours>('EDITOR');
  // @ts-expect-error -- a misspelt role
  fastifyRequireUser<Ours>('EDITR');
  typeGraphqlAuthChecker<Ours>()({ context: { auth } }, ['EDITOR']);
  // @ts-expect-error -- a misspelt role
  typeGraphqlAuthChecker<Ours>()({ context: { auth } }, ['EDITR']);
  return authOf<Ours>(request);
}

export function withoutAShapeThereAreTwoRoles(context: AuthContext, ours: Principal) {
  const { role, claims } = requireUser(context, 'USER');
  // @ts-expect-error -- there is no such role
  requireUser(context, 'EDITOR');
  // @ts-expect-error -- nothing is known of the claims
  claims.tenant satisfies string;
  // @ts-expect-error -- this principal may have no tenant
  ours satisfies Principal<Ours>;
  return role satisfies 'USER' | 'ADMIN';
}
