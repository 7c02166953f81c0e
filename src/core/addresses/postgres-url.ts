import { faultOfEscapes } from './escapes';

const SCHEMES = /^(postgres|postgresql|socket):/i;

/** Adds a host where there is none before the database, as the driver does. */
const withHost = (url: string) => (URL.canParse(url) ? url : url.replace('@/', '@localhost/'));

/**
 * Checks an address of Postgres: `postgres://user:password@host:5432/database?…`,
 * `postgres://user@/database?host=/socket`, `socket:/folder?db=database`, or `/folder database`.
 *
 * @returns the rest of a sentence that begins with the setting's name, without any part of the URL
 */
export function faultOfPostgresUrl(given: string): string | undefined {
  const text = given.trim();
  if (text.startsWith('/')) return undefined;
  if (!SCHEMES.test(text)) return 'must start with postgres:// or postgresql://.';
  const fault = faultOfEscapes(text);
  if (fault !== undefined) return fault;
  // The driver escapes a space, and then escapes every % again.
  if (/\s/.test(text) && text.includes('%')) return 'has a space. Write %20 for it.';
  const url = withHost(text);
  if (!URL.canParse(url)) return 'is not a valid URL. Percent-encode special characters in its password.';
  const port = new URL(url).searchParams.get('port');
  if (port !== null && !/^\d{1,5}$/.test(port)) return 'must have a number as its port.';
  return undefined;
}
