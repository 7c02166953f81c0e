import { createGuard, type ServiceGuard } from '../../src/guard/create-guard';
import type { GuardOptions } from '../../src/guard/guard-options';
import type { Tokens } from './api';
import { eventually } from './eventually';

export const ISSUER = 'https://auth.example.com';

/** The options by which a guard reads the keys of a node whose `ISSUER` is the one above. */
export const trusting = ({ url }: { readonly url: string }) => ({
  issuer: ISSUER,
  audience: 'api',
  jwks: `${url}/.well-known/jwks.json`,
});

/** Returns a maker of guards. Each guard is closed after the test that made it. */
export function guardMaker(defaults: () => Partial<GuardOptions> = () => ({})) {
  const guards: ServiceGuard[] = [];
  afterEach(async () => {
    for (const guard of guards.splice(0)) await guard.close();
  });
  return async (options: Partial<GuardOptions> = {}): Promise<ServiceGuard> => {
    const guard = await createGuard({ ...defaults(), ...options } as GuardOptions);
    guards.push(guard);
    return guard;
  };
}

/** Checks an access token, sent as a bearer token. */
export const ask = (
  guard: Pick<ServiceGuard, 'authenticate'>,
  { accessToken }: Pick<Tokens, 'accessToken'>,
) => guard.authenticate(`Bearer ${accessToken}`);

/** Waits until the guard has a current view and reaches Redis. */
export const untilGuardIsCurrent = (guard: ServiceGuard, patience?: number) =>
  eventually(() => expect(guard.status()).toMatchObject({ view: 'current', redis: 'reached' }), patience);
