import { FOLLOW_PATH } from '../core/follow-messages';
import type { GivenKeys, GuardOptions, IntrospectionSettings } from './guard-options';

/** Where the guard of a service gets what it needs. */
export interface GuardSources {
  /** The node that it follows. */
  readonly node?: { readonly url: string; readonly secret: string };
  readonly jwks: string | GivenKeys;
  readonly introspection?: Required<IntrospectionSettings>;
  /** Whether a view is filled from Redis. */
  readonly usesRedisView: boolean;
}

/** The default of `introspection.rememberFor` where introspection is the only source, in ms. */
const REMEMBER_FOR = 5000;

/** Reads the options, which must be free of faults. */
export function readGuardOptions(options: GuardOptions): GuardSources {
  const { issuer, secret, server = issuer, redis, introspection, view = true } = options;
  const at = (path: string) => `${server.replace(/\/+$/, '')}${path}`;
  const asked =
    introspection ?? (secret === undefined ? undefined : { url: at('/oauth/introspect'), secret });
  // Beside another source, introspection is asked only while that is away. A confirmed revocation must hold then too.
  const rememberFor = redis === undefined && secret === undefined ? REMEMBER_FOR : 0;
  return {
    node: secret === undefined || !view ? undefined : { url: at(FOLLOW_PATH), secret },
    jwks: options.jwks ?? at('/.well-known/jwks.json'),
    introspection: asked && { rememberFor, ...asked },
    usesRedisView: redis !== undefined && view,
  };
}
