// The entry `tokenfence/server`: the service inside an application.
export { createTokenfence, migrate } from './create-tokenfence';
export type { Tokenfence, TokenfenceContext, TokenfenceOptions } from './tokenfence';
export type { Api } from '../actions/api';
export type { ServiceOptions } from '../config/options';
export { ConfigError } from '../config/config-error';
export { fromEnv } from '../config/read-options';
export type { HookEvents, Hooks, Sql } from '../core/ports/hooks';
export type { Shape } from '../core/shape';
export { StartError } from '../core/start-error';
export { requireUser } from '../guard/apollo';
export type { AuthResult, Principal } from '../guard/guard';
