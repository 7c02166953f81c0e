import { faultOfEscapes } from '../core/url-escapes';

/**
 * Checks an address of Postgres: `postgres://user:password@host:5432/database?…`,
 * `postgres://user@/database?host=/socket`, `socket:/folder?db=database`, or `/folder database`.
 *
 * @returns the rest of a sentence that begins with the setting's name, without any part of the URL
 */
export function faultOfPostgresUrl(text: string): string | undefined {
  if (text.startsWith('/')) return undefined;
  if (!/^(postgres|postgresql|socket):/i.test(text)) return 'must start with postgres:// or postgresql://.';
  const fault = faultOfEscapes(text);
  if (fault !== undefined) return fault;
  // The driver escapes a space, and then escapes every % again.
  if (/\s/.test(text) && text.includes('%')) return 'has a space. Write %20 for it.';
  // The driver adds a host where there is none before the database.
  const url = URL.canParse(text) ? text : text.replace('@/', '@localhost/');
  if (!URL.canParse(url)) return 'is not a valid URL. Percent-encode special characters in its password.';
  if (!/^\d{1,5}$/.test(new URL(url).searchParams.get('port') ?? '0'))
    return 'must have a number as its port.';
  return undefined;
}
