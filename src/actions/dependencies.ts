import type { Registration } from '../core/account';
import type { Clock } from '../core/clock';
import type { Notice } from '../core/mail';
import type { IsBreached } from '../core/ports/breaches';
import type { ReadOwnClaims } from '../core/ports/own-claims';
import type { MailSender } from '../core/ports/mails';
import type { Passwords } from '../core/ports/passwords';
import type { RecordRefusal } from '../core/ports/refusals';
import type { RateLimits } from '../core/ports/rate-limits';
import type {
  GenerateRefreshKey,
  GenerateSigningKey,
  LinkTokens,
  PublishedKeys,
  RefreshTokens,
  SignToken,
  VerifyToken,
} from '../core/ports/tokens';
import type { Truth } from '../core/ports/truth';
import type { Revoker } from '../revocation/revoke';
import type { CheckThoroughly } from '../revocation/thorough-check';
import type { HookRunner } from './run-hook';

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

export interface RoleSettings {
  /** The application's roles, beside `USER` and `ADMIN`. */
  readonly roles: readonly string[];
}

export interface AccountSettings {
  readonly registration: Registration;
  /** The notices that are switched on. */
  readonly notices: readonly Notice[];
}

/** The dependencies of the use cases, passed in by the composition root. */
export interface Dependencies {
  readonly truth: Truth;
  readonly revoker: Revoker;
  readonly passwords: Passwords;
  readonly isBreached: IsBreached;
  readonly rateLimits: RateLimits;
  /** Records a refused request in the audit log. */
  readonly recordRefusal: RecordRefusal;
  readonly sign: SignToken;
  /** Left out: tokens have no claims of the application. */
  readonly readOwnClaims?: ReadOwnClaims;
  readonly hooks: HookRunner;
  readonly verify: VerifyToken;
  readonly checkThoroughly: CheckThoroughly;
  readonly refreshTokens: RefreshTokens;
  readonly links: LinkTokens;
  readonly mailSender: MailSender;
  /** Whether this server sends mail. If not, what needs one is refused. */
  readonly canMail: boolean;
  readonly keys: PublishedKeys;
  readonly generateKey: GenerateSigningKey;
  readonly generateRefreshKey: GenerateRefreshKey;
  readonly clock: Clock;
  readonly settings: TokenSettings & RoleSettings & AccountSettings;
}
