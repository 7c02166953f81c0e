import { hasSlowClock, type Model, type Moves } from '../model';
import type { Data, Process, World } from '../state';
import type { Grant, Host } from '../state-followers';
import { slotOf } from './host';
import { nameOf } from './names';

/* What a node has granted to its followers, and what it therefore tells Redis. */

/** The position that a node may report: the least of its own and of all followers that may be current by it. */
export function reportable({ keeps }: Model, host: Host | undefined, position: number): number {
  if (!host || !keeps('followers are counted')) return position;
  const counted = host.grants.filter(({ joining }) => joining === host.joining);
  const least = counted.reduce((least, grant) => Math.min(least, grant.position), position);
  return keeps('a reported position never goes back') ? Math.max(least, host.reported) : least;
}

/** What is left of the node's lease, in ticks of its clock. */
export function grantable({ keeps, lease }: Model, process: Process): number {
  if (process.stage !== 'following') return 0;
  const age = keeps('a grant is a part of the lease of the view') ? process.viewAge : process.leaseAge;
  if (age >= lease) return 0;
  return keeps('a grant is a part of the lease') ? lease - age : lease;
}

/** Half of it where clocks may be slow: they lose every second tick. */
export function shrink(model: Model, grant: number): number {
  return hasSlowClock(model) && model.keeps('a grant is shrunk for slow clocks')
    ? Math.floor(grant / 2)
    : grant;
}

export function count(host: Host, follower: number, position: number, left: number): void {
  const { joining, grants } = host;
  const there = grants.find(
    (grant) => grant.follower === follower && grant.joining === joining && !grant.isOld,
  );
  if (!there) grants.push({ follower, joining, left, position, isOld: false });
  else {
    there.left = Math.max(there.left, left);
    there.position = Math.max(there.position, position);
  }
}

/** The connection is over, the grant is not. */
export function loseFollower({ keeps }: Model, host: Host, follower: number): void {
  if (!keeps('a follower is counted until its grant is over'))
    host.grants = host.grants.filter((grant) => grant.follower !== follower);
  for (const grant of host.grants) if (grant.follower === follower) grant.isOld = true;
  merge(host);
}

/** Two old grants of which one is in every way the weaker count as one. */
function merge(host: Host): void {
  host.grants = host.grants.filter(
    (grant, place, grants) =>
      !grants.some(
        (other, otherPlace) =>
          otherPlace !== place &&
          other.follower === grant.follower &&
          other.joining === grant.joining &&
          other.isOld &&
          grant.isOld &&
          other.left >= grant.left &&
          other.position <= grant.position &&
          (other.left > grant.left || other.position < grant.position || otherPlace < place),
      ),
  );
}

const isOf = (data: Data | undefined, slot: number): boolean => data?.registry[slot] !== undefined;

export function removeEntry(model: Model, world: World, index: number, joining: number): void {
  const slot = slotOf(model, world, index, joining);
  for (const { data, writable } of world.servers) if (data && writable) data.registry[slot] = undefined;
}

/** The entries of all its joins since its start. */
export function removeEntries(model: Model, world: World, index: number): void {
  const { first, joining } = world.hosts[index] ?? { first: 1, joining: 1 };
  for (let one = first; one <= joining; one += 1) removeEntry(model, world, index, one);
}

/** Whether the grants of this joining, or all, are over or given back. */
export const isFree = (host: Host | undefined, joining?: number): boolean =>
  !host?.grants.some((grant: Grant) => joining === undefined || grant.joining === joining);

/** The entry of an earlier joining is removed when its grants are over. */
export const removeOldEntries: Moves = (model, world, offer) => {
  for (const [index, host] of world.hosts.entries()) {
    const { stage } = world.processes[index]!;
    const last = stage === 'away' ? host.joining : host.joining - 1;
    for (let joining = host.first; joining <= last; joining += 1) {
      const slot = slotOf(model, world, index, joining);
      if (!world.servers.some(({ data, writable }) => writable && isOf(data, slot))) continue;
      if (!isFree(host, joining) && model.keeps('the old entry stays until the old grants are over'))
        continue;
      offer(`${nameOf(model, index)} removes the entry of its join ${joining}`, (next) =>
        removeEntry(model, next, index, joining),
      );
    }
  }
};
