import type { Clock } from '../core/clock';
import type { Passwords } from '../core/ports/passwords';
import type { RecordRefusal } from '../core/ports/refusals';
import type { RateLimits } from '../core/ports/rate-limits';
import type { GenerateSigningKey, PublishedKeys, SignToken, VerifyToken } from '../core/ports/tokens';
import type { Truth } from '../core/ports/truth';
import type { Revoker } from '../revocation/revoke';
import type { CheckThoroughly } from '../revocation/thorough-check';

export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  /** s */
  readonly accessTokenTtl: number;
  /** s; a session that is not refreshed for so long is over. */
  readonly refreshTokenTtl: number;
  /** s; no session lives longer, whatever its use. */
  readonly sessionMaxAge: number;
  /** Live sessions that a user may have. One more ends the one that was used longest ago. */
  readonly sessionsPerUser: number;
}

/** What the use cases stand on; handed in by the composition root. */
export interface Dependencies {
  readonly truth: Truth;
  readonly revoker: Revoker;
  readonly passwords: Passwords;
  readonly limits: RateLimits;
  /** Notes in the audit log what was refused. */
  readonly recordRefusal: RecordRefusal;
  readonly sign: SignToken;
  readonly verify: VerifyToken;
  readonly checkThoroughly: CheckThoroughly;
  readonly keys: PublishedKeys;
  readonly generateKey: GenerateSigningKey;
  readonly clock: Clock;
  readonly settings: TokenSettings;
}
