import type { Model } from './model';
import { followerIsCurrent } from './protocol/follower-lease';
import { holdsLease } from './protocol/heartbeat';
import { isCurrent } from './protocol/view';
import { holdsAll, NONE, NOTHING, type World } from './state';

/** Events that must be possible, so that the promise is not kept by inaction. */
export const SIGNS = [
  'a revocation is confirmed fast',
  'a revocation is confirmed slowly',
  'a view with a confirmed revocation is current',
  'a view is current again after Redis lost its data',
  'a process without Postgres is current again after Redis lost its data',
  'a record with a confirmed revocation is filled and may be read',
  'a node that was removed is current again',
  'a view is current on the server that was promoted',
] as const;

export const FOLLOWER_SIGNS = [
  'a revocation is confirmed fast',
  'a revocation is confirmed slowly',
  'a view with a confirmed revocation is current',
  'a view is current again after Redis lost its data',
  'a node that was removed is current again',
  'a follower with a confirmed revocation is current',
  'a revocation is confirmed fast while a follower is current',
  'a follower is current by a later join of its node',
  'a follower is current by two nodes',
  'a follower goes on',
  'a follower gives a lease back',
  'the entry of an earlier join is removed',
] as const;
type Sign = (typeof SIGNS)[number] | (typeof FOLLOWER_SIGNS)[number];

function signsOfFollowers({ confirmed, followers }: World, what: string): Sign[] {
  const signs: Sign[] = [];
  if (what.includes('goes on')) signs.push('a follower goes on');
  if (what.includes('gives back')) signs.push('a follower gives a lease back');
  if (what.includes('removes the entry of its join')) signs.push('the entry of an earlier join is removed');
  for (const follower of followers) {
    if (!followerIsCurrent(follower)) continue;
    if (confirmed !== NOTHING) signs.push('a follower with a confirmed revocation is current');
    if (what.includes('finds that every node has'))
      signs.push('a revocation is confirmed fast while a follower is current');
    const leases = follower.links.filter(({ lease }) => lease);
    if (leases.some(({ lease }) => lease!.joining > 1))
      signs.push('a follower is current by a later join of its node');
    if (leases.length > 1) signs.push('a follower is current by two nodes');
  }
  return signs;
}

export function signsOf(model: Model, world: World, what: string): Sign[] {
  const signs: Sign[] = world.followers.length > 0 ? signsOfFollowers(world, what) : [];
  const { confirmed } = world;
  if (what.includes('finds that every node has')) signs.push('a revocation is confirmed fast');
  if (what.includes('has waited W')) signs.push('a revocation is confirmed slowly');
  for (const [index, process] of world.processes.entries()) {
    const { postgres, keepsView, readsRecords } = model.scenario.roles[index]!;
    const isWhole = confirmed !== NOTHING && holdsAll(process.view, confirmed);
    if (keepsView && isCurrent(model, process)) {
      if (isWhole) signs.push('a view with a confirmed revocation is current');
      if (process.id > 1) signs.push('a view is current again after Redis lost its data');
      if (process.id > 1 && !postgres && isWhole)
        signs.push('a process without Postgres is current again after Redis lost its data');
      if (process.wasRemoved) signs.push('a node that was removed is current again');
      if (world.servers[1]?.known && world.servers[1].data?.id === process.id && process.id > 1)
        signs.push('a view is current on the server that was promoted');
    }
    const record = world.servers[0]!.data?.record ?? NONE;
    if (
      readsRecords &&
      holdsLease(model, process) &&
      confirmed !== NOTHING &&
      record !== NONE &&
      holdsAll(record, confirmed)
    )
      signs.push('a record with a confirmed revocation is filled and may be read');
  }
  return signs;
}
