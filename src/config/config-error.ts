import { StartError } from '../core/start-error';

/** Every fault of the environment, one sentence each. */
export class ConfigError extends StartError {
  override readonly name = 'ConfigError';

  constructor(readonly faults: readonly string[]) {
    super(`Invalid configuration:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}
