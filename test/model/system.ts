import type { System } from './explorer';
import { failOver, failProcesses, failRedis, passTime } from './faults';
import type { Model, Moves } from './model';
import { isAlive } from './protocol/epoch';
import { acknowledge, apply, connect, giveBack, loseConnection, sayFarewell } from './protocol/follower';
import { beat, exchange, followerIsCurrent } from './protocol/follower-lease';
import { removeOldEntries } from './protocol/grants';
import { heal } from './protocol/heal';
import { answerBeat, hearBeat, holdsLease, sendBeat } from './protocol/heartbeat';
import { catchUp, die, sendRest } from './protocol/host';
import { followerName, nameOf } from './protocol/names';
import { fillRecords } from './protocol/records';
import {
  commit,
  confirmFast,
  confirmSlowly,
  learnEpoch,
  publish,
  publishAgain,
  removeSilent,
} from './protocol/revoke';
import { packWorld, unpackWorld } from './packing';
import { follow, isCurrent, join, leave } from './protocol/view';
import { signsOf } from './signs';
import { startOf } from './start';
import { holdsAll, NONE, type World } from './state';

const EVERYTHING: readonly Moves[] = [
  join,
  follow,
  sendBeat,
  answerBeat,
  hearBeat,
  leave,
  learnEpoch,
  heal,
  fillRecords,
  commit,
  publish,
  confirmFast,
  confirmSlowly,
  publishAgain,
  removeSilent,
  passTime,
  failRedis,
  failOver,
  failProcesses,
];

/** What is added where there are followers. */
const OF_FOLLOWERS: readonly Moves[] = [
  catchUp,
  sendRest,
  removeOldEntries,
  die,
  connect,
  apply,
  beat,
  exchange,
  acknowledge,
  loseConnection,
  sayFarewell,
  giveBack,
];

/**
 * The promise: a confirmed revocation is in every current view, and in every record that a holder of a lease could
 * read, from any server that it may be connected to. Postgres, which answers otherwise, holds it anyway.
 */
function brokenPromise(model: Model, world: World): string | undefined {
  const { confirmed, processes, servers, followers } = world;
  for (const [index, follower] of followers.entries())
    if (followerIsCurrent(follower) && !holdsAll(follower.view, confirmed))
      return `${followerName(model, index)} is current and lacks what is confirmed`;
  for (const [index, process] of processes.entries()) {
    const name = nameOf(model, index);
    if (isCurrent(model, process) && !holdsAll(process.view, confirmed))
      return `the view of ${name} is current and lacks what is confirmed`;
    if (!model.scenario.roles[index]!.readsRecords) continue;
    if (!holdsLease(model, process) && model.keeps('records are read under the lease only')) continue;
    for (const server of servers) {
      if (!server.known || !server.data || !isAlive(model, server, process.id)) continue;
      const { record } = server.data;
      if (record !== NONE && !holdsAll(record, confirmed))
        return `${name} may read a record that lacks what is confirmed`;
    }
  }
  return undefined;
}

export function systemOf(model: Model): System<World> {
  return {
    start: startOf(model),
    pack: packWorld,
    unpack: unpackWorld,
    moves: (world, offer) => {
      for (const moves of EVERYTHING) moves(model, world, offer);
      if (world.followers.length > 0) for (const moves of OF_FOLLOWERS) moves(model, world, offer);
    },
    fault: (world) => brokenPromise(model, world),
    signs: (world, what) => signsOf(model, world, what),
  };
}
