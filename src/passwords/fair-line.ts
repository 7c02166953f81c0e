import { LRUCache } from 'lru-cache';

/** The most sites to remember as served. */
const MOST_SERVED = 2000;

/**
 * Callers in line, which take turns by site: a site with a hundred callers gets one turn for each turn of any other
 * site. Every second turn goes to the newest site that has had none yet, so that one user does not wait behind very
 * many sites.
 */
export class FairLine<Caller extends { readonly site: string }> {
  /** The callers of each site in order of arrival. The sites are in the order of their next turn. */
  private readonly shares = new Map<string, Set<Caller>>();
  /** The sites that have had a turn since the line was empty. */
  private readonly served = new LRUCache<string, true>({ max: MOST_SERVED });
  private isNewcomersTurn = false;
  private total = 0;

  get length(): number {
    return this.total;
  }

  lengthOf(site: string): number {
    return this.shares.get(site)?.size ?? 0;
  }

  add(caller: Caller): void {
    const share = this.shares.get(caller.site) ?? new Set();
    this.shares.set(caller.site, share.add(caller));
    this.total += 1;
  }

  /** Returns whether the caller was in line. */
  remove(caller: Caller): boolean {
    const share = this.shares.get(caller.site);
    if (!share?.delete(caller)) return false;
    if (share.size === 0) this.shares.delete(caller.site);
    this.total -= 1;
    return true;
  }

  /** Removes the caller whose turn it is. */
  takeNext(): Caller | undefined {
    const sites = [...this.shares.keys()];
    if (sites.length === 0) this.served.clear();
    this.isNewcomersTurn = !this.isNewcomersTurn;
    const newcomer = this.isNewcomersTurn ? sites.findLast((site) => !this.served.has(site)) : undefined;
    const site = newcomer ?? sites[0] ?? '';
    const share = this.shares.get(site);
    const [caller] = share ?? [];
    if (!share || !caller) return undefined;
    this.remove(caller);
    this.served.set(site, true);
    // The site moves to the end of the order, if it has more callers.
    if (this.shares.delete(site)) this.shares.set(site, share);
    return caller;
  }

  /** Removes the last caller of the site with the most, if that has more than `than`. */
  takeLast(than: number): Caller | undefined {
    let largest: Set<Caller> | undefined;
    for (const share of this.shares.values()) if (share.size > (largest?.size ?? than)) largest = share;
    const last = [...(largest ?? [])].pop();
    if (last) this.remove(last);
    return last;
  }
}
