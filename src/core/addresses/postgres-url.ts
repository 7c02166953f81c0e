import { faultOfEscapes } from './escapes';

const SCHEMES = /^(postgres|postgresql|socket):/i;

/** As the driver reads it: it puts a host of its own where there is none before the database. */
const withHost = (url: string) => (URL.canParse(url) ? url : url.replace('@/', '@localhost/'));

/**
 * Judges an address of Postgres: `postgres://user:password@host:5432/database?…` with all that the driver reads from it,
 * `postgres://user@/database?host=/socket`, `socket:/folder?db=database`, or `/folder database`.
 *
 * @returns the rest of a sentence that begins with the name of the setting; nothing of the URL is in it
 */
export function faultOfPostgresUrl(given: string): string | undefined {
  const text = given.trim();
  if (text.startsWith('/')) return undefined;
  if (!SCHEMES.test(text)) return 'must start with postgres:// or postgresql://.';
  const fault = faultOfEscapes(text);
  if (fault !== undefined) return fault;
  // The driver escapes a space, and with it what was escaped before.
  if (/\s/.test(text) && text.includes('%')) return 'has a space. Write %20 for it.';
  const url = withHost(text);
  if (!URL.canParse(url)) return 'is not a valid URL. Percent-encode special characters in its password.';
  const port = new URL(url).searchParams.get('port');
  if (port !== null && !/^\d{1,5}$/.test(port)) return 'must have a number as its port.';
  return undefined;
}
