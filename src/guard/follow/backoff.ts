import type { SocketEnd } from '../../http-client/web-socket';

/** ms until the next connection: the first time, and at most. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 5000;

/** ms after a node said that it stops, and the longest delay in that time: another node serves already. */
const HURRY = 10_000;
const HURRIED_DELAY = 500;

/** ms until a server is asked again that refuses for a reason that only an operator can change. */
const REFUSED_DELAY = 30_000;

/** Statuses that another try will not change: a wrong secret, no secret set, no view. */
const LASTING = [401, 403, 404, 409];

export const isLasting = (status: number | undefined): boolean =>
  status !== undefined && LASTING.includes(status);

/** Says how long to wait before the next connection: longer after each, and never as long as others do. */
export function createBackoff(random: () => number = Math.random) {
  let attempts = 0;
  let hurriedUntil = -Infinity;
  return {
    /** ms */
    next({ status, retryAfter = 0 }: Partial<SocketEnd> = {}): number {
      const grown = Math.min(FIRST_DELAY * 2 ** attempts, LONGEST_DELAY);
      attempts += 1;
      const asked = Math.min(retryAfter, LONGEST_DELAY);
      const spread = 0.5 + random() / 2;
      if (isLasting(status)) return REFUSED_DELAY * spread;
      // A balancer that has not noticed yet may lead to the same node, which asks for patience in vain.
      const isHurried = performance.now() < hurriedUntil;
      return (isHurried ? Math.min(grown, HURRIED_DELAY) : Math.max(grown, asked)) * spread;
    },
    /** A node has said that it stops. */
    hurry() {
      attempts = 0;
      hurriedUntil = performance.now() + HURRY;
    },
    reset() {
      attempts = 0;
    },
  };
}
