import type { Redis } from 'ioredis';
import { DatabaseRefused } from './open';

/** ms after which the next host is asked, beside one that has not answered. */
const PATIENCE = 200;

/** The most hosts that are learned beside those of the address. */
const MOST_LEARNED = 20;

/** The most reasons in one error. */
const MOST_REASONS = 3;

const shuffled = <T>(list: readonly T[]): T[] =>
  list
    .map((each) => ({ each, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);

/**
 * The hosts of a set that may know the primary. In another order each time: a host that is silent, or has an old answer,
 * must not be asked first for ever. The hosts of the address come first: what was learned from others gets out of date.
 */
export class KnownHosts<Host extends { readonly host: string; readonly port: number }> {
  private learned: Host[] = [];

  constructor(private readonly given: readonly Host[]) {}

  /** @param hosts replace what was learned before */
  learn(hosts: readonly Host[]): void {
    const others = new Map(hosts.map((each) => [`${each.host} ${each.port}`, each]));
    for (const { host, port } of this.given) others.delete(`${host} ${port}`);
    if (hosts.length > 0) this.learned = [...others.values()].slice(0, MOST_LEARNED);
  }

  inAnyOrder(): Host[] {
    return [...shuffled(this.given), ...shuffled(this.learned)];
  }
}

/**
 * Tries the hosts until one leads to the primary. A host that fails gives way to the next one at once, and a silent one
 * after a moment, while it may still answer. The first connection to the primary wins, and all others are closed.
 *
 * @param attempt rejects, and closes what it has opened, when its signal aborts
 * @param signal ends the search
 */
export function search<Host>(
  hosts: readonly Host[],
  attempt: (host: Host, signal: AbortSignal) => Promise<Redis>,
  signal: AbortSignal,
): Promise<Redis> {
  return new Promise((resolve, reject) => {
    const waiting = [...hosts];
    const running = new Set<AbortController>();
    const reasons = new Set<string>();
    let refusal: DatabaseRefused | undefined;
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;

    const end = () => {
      isOver = true;
      clearTimeout(timer);
      for (const other of running) other.abort();
    };
    const tryNext = () => {
      clearTimeout(timer);
      const host = isOver ? undefined : waiting.shift();
      if (host === undefined) {
        if (running.size > 0) return;
        signal.removeEventListener('abort', end);
        reject(refusal ?? new Error([...reasons].slice(0, MOST_REASONS).join('; ') || 'no answer'));
        return;
      }
      const mine = new AbortController();
      running.add(mine);
      if (waiting.length > 0) timer = setTimeout(tryNext, PATIENCE);
      attempt(host, mine.signal).then(
        (client) => {
          running.delete(mine);
          if (isOver) {
            client.disconnect();
            tryNext();
            return;
          }
          signal.removeEventListener('abort', end);
          end();
          resolve(client);
        },
        (error: unknown) => {
          running.delete(mine);
          if (error instanceof DatabaseRefused) refusal = error;
          reasons.add(error instanceof Error ? error.message : String(error));
          tryNext();
        },
      );
    };
    signal.addEventListener('abort', end, { once: true });
    tryNext();
  });
}
