import type { Clock } from '../core/clock';
import type { Passwords } from '../core/ports/passwords';
import type { RecordRefusal } from '../core/ports/refusals';
import type { RateLimits } from '../core/ports/rate-limits';
import type {
  GenerateRefreshKey,
  GenerateSigningKey,
  PublishedKeys,
  RefreshTokens,
  SignToken,
  VerifyToken,
} from '../core/ports/tokens';
import type { Truth } from '../core/ports/truth';
import type { Revoker } from '../revocation/revoke';
import type { CheckThoroughly } from '../revocation/thorough-check';

export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  /** s */
  readonly accessTokenTtl: number;
  /** s after which a session that is not refreshed expires. */
  readonly refreshTokenTtl: number;
  /** s after which every session expires, even if it is refreshed. */
  readonly sessionMaxAge: number;
  /** The most live sessions of a user. One more ends the least recently used one. */
  readonly sessionsPerUser: number;
}

/** The dependencies of the use cases, passed in by the composition root. */
export interface Dependencies {
  readonly truth: Truth;
  readonly revoker: Revoker;
  readonly passwords: Passwords;
  readonly rateLimits: RateLimits;
  /** Records a refused request in the audit log. */
  readonly recordRefusal: RecordRefusal;
  readonly sign: SignToken;
  readonly verify: VerifyToken;
  readonly checkThoroughly: CheckThoroughly;
  readonly refreshTokens: RefreshTokens;
  readonly keys: PublishedKeys;
  readonly generateKey: GenerateSigningKey;
  readonly generateRefreshKey: GenerateRefreshKey;
  readonly clock: Clock;
  readonly settings: TokenSettings;
}
