import type { System } from '../explorer';
import { holdsAll, NOTHING } from '../state';
import { loseConnections, passTime } from './faults';
import { followers } from './follower';
import { confirmedOf, isCurrent, type Model, type Moves, nameOf, startOf } from './model';
import { answerBeats, connect, hearReturns, isCounted, live, loadAgain } from './node';
import { commit, confirm, takeIn } from './revoke';
import { OVER, packWorld, unpackWorld, type World } from './state';

const EVERYTHING: readonly Moves[] = [
  connect,
  ...followers,
  answerBeats,
  hearReturns,
  live,
  loadAgain,
  commit,
  takeIn,
  confirm,
  passTime,
  loseConnections,
];

/** The promise: a confirmed revocation is in every view that is current. */
function brokenPromise(model: Model, world: World): string | undefined {
  const confirmed = confirmedOf(world);
  const { node } = world;
  if (node.stage === 'serving' && !holdsAll(node.view, confirmed))
    return 'the view of the node is current and lacks what is confirmed';
  for (const [index, follower] of world.followers.entries())
    if (isCurrent(follower) && !holdsAll(follower.view, confirmed))
      return `the view of ${nameOf(model, index)} is current and lacks what is confirmed`;
  return undefined;
}

/** Events that must be possible, so that the promise is not kept by inaction. */
export const SIGNS = [
  'a revocation is confirmed fast while a follower is current',
  'a revocation is confirmed slowly',
  'a follower that never reports, and gets grants, does not hold a revocation',
  'a view with a confirmed revocation is current',
  'a follower moves to another connection and stays current',
  'a follower goes on from its position',
  'a follower is current again after a crash',
  'a follower is current again after the view was overfull',
  'a revocation that a crash left behind is confirmed',
  'the node ends, and nobody has a grant',
] as const;
type Sign = (typeof SIGNS)[number];

function signsOf({ scenario }: Model, world: World, what: string): Sign[] {
  const signs: Sign[] = [];
  const confirmed = confirmedOf(world);
  const { node } = world;
  if (what.includes('goes on from position')) signs.push('a follower goes on from its position');
  if (what.includes('W is over')) signs.push('a revocation is confirmed slowly');
  if (what === 'the node ends' && !world.followers.some(isCurrent))
    signs.push('the node ends, and nobody has a grant');
  for (const follower of world.followers) {
    const { connections, view } = follower;
    const isWhole = confirmed !== NOTHING && holdsAll(view, confirmed);
    const [first, second] = connections;
    const lags = connections.some(
      (each) => isCounted(each) && each.reportedIn === node.joining && each.reported < node.log.length,
    );
    if (what.includes('W is over') && lags)
      signs.push('a follower that never reports, and gets grants, does not hold a revocation');
    if (!isCurrent(follower)) continue;
    if (what.includes('have it') && scenario.joined)
      signs.push('a revocation is confirmed fast while a follower is current');
    if (isWhole) signs.push('a view with a confirmed revocation is current');
    if (first!.stage === 'closed' && second && second.leaseAge !== OVER && isWhole)
      signs.push('a follower moves to another connection and stays current');
    const isNew = second && second.leaseAge !== OVER && second.loaded > 1;
    if (node.run > 1 && isNew) signs.push('a follower is current again after a crash');
    if (node.run > 1 && isNew && isWhole && scenario.faults?.crashes)
      signs.push('a revocation that a crash left behind is confirmed');
    if (node.run === 1 && connections.some(({ loaded, leaseAge }) => loaded > 1 && leaseAge !== OVER))
      signs.push('a follower is current again after the view was overfull');
  }
  return signs;
}

export function systemOf(model: Model): System<World> {
  return {
    start: startOf(model.scenario),
    pack: packWorld,
    unpack: unpackWorld,
    moves: (world, offer) => {
      for (const moves of EVERYTHING) moves(model, world, offer);
    },
    fault: (world) => brokenPromise(model, world),
    signs: (world, what) => signsOf(model, world, what),
  };
}
