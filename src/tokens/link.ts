import { hkdfSync } from 'node:crypto';
import { decode, type JwtPayload, sign, verify } from 'jsonwebtoken';
import type { Clock } from '../core/clock';
import { isId } from '../core/claims';
import { type Link, LINK_PATHS, type LinkPurpose } from '../core/link';
import type { LinkTokens } from '../core/ports/tokens';
import type { RefreshKeyRing } from './refresh-keys';
import type { RefreshKey } from './refresh-token';

/** In characters. An email of 254 characters and the other claims have room. Longer texts are refused unread. */
export const LONGEST_LINK_TOKEN = 2048;

/** The type in the header: no access token has it (RFC 8725, section 3.11). */
const TYPE = 'link+jwt';

const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** The claims, besides `exp` and `iat`. */
interface Claims {
  readonly aud: LinkPurpose;
  readonly sub: string;
  readonly email: string;
  readonly tokenVersion: number;
}

/** Derives the key of links (RFC 5869). Its context is its own: no refresh token can be a link, nor a link one. */
const linkKeyOf = ({ key }: RefreshKey) =>
  Buffer.from(hkdfSync('sha256', key, 'tokenfence', 'one-time links', 32));

/** Returns the number of the key in the header, if the text has the form of a link's token. */
function keyIdOf(text: string): number | undefined {
  if (text.length > LONGEST_LINK_TOKEN || !FORM.test(text)) return undefined;
  const { typ, kid = '' } = decode(text, { complete: true })?.header ?? {};
  return typ === TYPE && /^[1-9]\d{0,4}$/.test(kid) ? Number(kid) : undefined;
}

const isPurpose = (text: unknown): text is LinkPurpose =>
  typeof text === 'string' && Object.hasOwn(LINK_PATHS, text);

function linkIn({
  aud,
  sub,
  email,
  tokenVersion,
}: JwtPayload & Partial<Omit<Claims, 'aud' | 'sub'>>): Link | undefined {
  if (!isPurpose(aud) || !isId(sub) || typeof email !== 'string' || !Number.isSafeInteger(tokenVersion))
    return undefined;
  return { purpose: aud, userId: sub, email, tokenVersion: tokenVersion ?? 0 };
}

/**
 * Makes and reads the tokens of one-time links: JWTs (RFC 7519), signed with HS256 by a key derived from a refresh key.
 * That is sealed, rotated, and never deleted. Nothing of a token is stored.
 */
export function createLinkTokens(
  keys: Pick<RefreshKeyRing, 'newest' | 'find'>,
  clock: Pick<Clock, 'now'>,
): LinkTokens {
  return {
    make({ purpose, userId, email, tokenVersion }, { issuedAt, lifetime }) {
      const key = keys.newest();
      const iat = Math.floor(issuedAt.getTime() / 1000);
      const claims: Claims = { aud: purpose, sub: userId, email, tokenVersion };
      return sign({ ...claims, iat, exp: iat + lifetime }, linkKeyOf(key), {
        algorithm: 'HS256',
        keyid: String(key.id),
        header: { alg: 'HS256', typ: TYPE },
      });
    },

    async read(text, purposes) {
      const id = keyIdOf(text);
      const key = id === undefined ? undefined : await keys.find(id);
      if (!key) return undefined;
      try {
        const clockTimestamp = Math.floor(clock.now() / 1000);
        const claims = verify(text, linkKeyOf(key), { algorithms: ['HS256'], clockTimestamp });
        const link = typeof claims === 'string' ? undefined : linkIn(claims);
        return link && purposes.includes(link.purpose) ? link : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
