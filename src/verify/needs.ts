import { isRole } from '../core/shape';
import type { Requirements } from '../guard/require-user';

/** Only the auth server knows which roles there are. */
export interface AnyRole {
  readonly role: string;
}

/** Where checks are answered. */
export const VERIFY_PATH = '/verify';

/** What a check requires beside a good token. */
interface Needs {
  readonly role?: string;
  /** s since the user last proved who they are. */
  readonly maxAge?: number;
}

/**
 * Where proxies ask that append the client's path and query. There a query means nothing. It is not all of `/verify/`: a
 * role written as `/verify/?role=ADMIN` by mistake would not be required.
 */
const APPENDED = `${VERIFY_PATH}/for/`;

/**
 * Whether this URL asks for a check. Only the exact text counts. A URL that has to be decoded or normalized first is
 * another one, so no two readings of it can differ.
 */
export const isVerifyUrl = (url: string): boolean =>
  url.startsWith(VERIFY_PATH) &&
  (url.length === VERIFY_PATH.length || url[VERIFY_PATH.length] === '?' || url.startsWith(APPENDED));

/** The same as routes of Fastify. */
export const VERIFY_ROUTES = [VERIFY_PATH, `${APPENDED}*`];

const HOW = 'Write it as /verify, /verify?role=ADMIN, /verify?maxAge=300 or both with &.';

/** @param value as it was sent: neither form needs an escape */
function readNeed(name: string, value: string): Needs | undefined {
  if (name === 'role') return isRole(value) ? { role: value } : undefined;
  if (name === 'maxAge') return /^[1-9]\d{0,8}$/.test(value) ? { maxAge: Number(value) } : undefined;
  return undefined;
}

/**
 * Reads what a check requires: nothing, or one requirement. Returns a sentence if the query is not understood: a check
 * that ignored a misspelt `?rol=ADMIN` would let everyone in.
 */
export function needsIn(url: string): Requirements<AnyRole> | string {
  if (url[VERIFY_PATH.length] !== '?') return [];
  let needs: Needs = {};
  for (const part of url.slice(VERIFY_PATH.length + 1).split('&')) {
    const [name = '', ...rest] = part.split('=');
    const need = readNeed(name, rest.join('='));
    if (!need) return `The query has something other than a role or a maxAge, each with its value. ${HOW}`;
    if (name in needs) return `The query has ${name} twice. ${HOW}`;
    needs = { ...needs, ...need };
  }
  return [needs];
}
