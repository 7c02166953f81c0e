import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock';
import type { IsBreached } from '../core/ports/breaches';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { HttpClient } from '../http-client/http-client';

/** ms for a whole question. A user waits for it. */
const PATIENCE = 2000;

/** ms between two warnings that the list cannot be asked. */
const WARNING_INTERVAL = 60_000;

/** Hexadecimal digits of the hash that are sent. About a thousand breached passwords begin with the same five. */
const PREFIX_LENGTH = 5;

/** A line of the answer: the rest of a hash, and how often it was breached. */
const LINE = /^([\dA-F]{35}):(\d+)$/;

export interface BreachCheckOptions {
  /** The digits are added to it. */
  readonly url: string;
  readonly http: Pick<HttpClient, 'ask'>;
  readonly metrics: Pick<Metrics, 'breachChecked'>;
  readonly logger: Pick<Logger, 'warn'>;
  readonly clock: Clock;
}

/** Whether the answer has this rest of a hash. Throws if it is not a list of hashes: a page of a proxy, for example. */
function isListed(text: string, rest: string): boolean {
  const lines = text.toUpperCase().split(/\r?\n/);
  const entries = lines.filter((line) => line !== '').map((line) => LINE.exec(line));
  if (entries.includes(null)) throw new Error('the answer is not a list of hashes');
  // Lines with a count of 0 are padding.
  return entries.some((entry) => entry?.[1] === rest && Number(entry[2]) > 0);
}

/**
 * Creates the check of new passwords against breached ones (OWASP ASVS 6.2.12). It sends the first digits of the
 * password's SHA-1 and looks for the rest in the answer, so that the list does not learn the password. `Add-Padding`
 * asks for answers of varying length, so that nobody learns from the length which digits were sent.
 *
 * While the list cannot be asked, passwords are accepted: nobody is kept out by a server that is not ours.
 */
export function createBreachCheck({ url, http, metrics, logger, clock }: BreachCheckOptions): IsBreached {
  let warnedAt = -Infinity;

  const warn = (error: unknown) => {
    const now = clock.monotonic();
    if (now - warnedAt < WARNING_INTERVAL) return;
    warnedAt = now;
    // The reason only: the URL may hold a key.
    logger.warn(
      { reason: error instanceof Error ? error.message : String(error) },
      'The list of breached passwords cannot be asked. Passwords are accepted without it. Look at PASSWORD_BREACH_URL.',
    );
  };

  return async (password) => {
    const hash = createHash('sha1').update(password).digest('hex').toUpperCase();
    const headers = { 'add-padding': 'true', 'user-agent': 'tokenfence' };
    try {
      const question = { headers, timeout: PATIENCE };
      const { text } = await http.ask(url + hash.slice(0, PREFIX_LENGTH), question);
      const isBreached = isListed(text, hash.slice(PREFIX_LENGTH));
      metrics.breachChecked(isBreached ? 'breached' : 'clean');
      return isBreached;
    } catch (error) {
      metrics.breachChecked('unavailable');
      warn(error);
      return false;
    }
  };
}
