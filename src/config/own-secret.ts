import type { Config } from './config';

/** The file with the secret for services that the embedded mode makes, in its folder. */
export const INTROSPECTION_SECRET_FILE = 'introspection-secret';

/**
 * Whether the server makes the secret for services itself. Not in production: an endpoint opens there only if its secret
 * was set.
 */
export const makesIntrospectionSecret = ({
  store,
  production,
  introspectionSecret,
}: Pick<Config, 'store' | 'production' | 'introspectionSecret'>): boolean =>
  store.mode === 'embedded' && !production && introspectionSecret === undefined;
