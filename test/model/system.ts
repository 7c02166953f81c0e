import type { System } from './explorer';
import { failOver, failProcesses, failRedis, passTime } from './faults';
import { type Model, type Moves, startOf } from './model';
import { isAlive } from './protocol/epoch';
import { heal } from './protocol/heal';
import { answerBeat, hearBeat, holdsLease, sendBeat } from './protocol/heartbeat';
import { nameOf } from './protocol/names';
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
import { holdsAll, NONE, NOTHING, type World } from './state';

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

/**
 * The promise: a confirmed revocation is in every current view, and in every record that a holder of a lease could
 * read, from any server that it may be connected to. Postgres, which answers otherwise, holds it anyway.
 */
function brokenPromise(model: Model, { confirmed, processes, servers }: World): string | undefined {
  for (const [index, process] of processes.entries()) {
    const name = nameOf(model, index);
    if (isCurrent(process) && !holdsAll(process.view, confirmed))
      return `the view of ${name} is current and lacks what is confirmed`;
    if (!model.scenario.roles[index]!.readsRecords) continue;
    if (!holdsLease(process) && model.keeps('records are read under the lease only')) continue;
    for (const server of servers) {
      if (!server.known || !server.data || !isAlive(model, server, process.id)) continue;
      const { record } = server.data;
      if (record !== NONE && !holdsAll(record, confirmed))
        return `${name} may read a record that lacks what is confirmed`;
    }
  }
  return undefined;
}

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
type Sign = (typeof SIGNS)[number];

function signsOf({ scenario }: Model, world: World, what: string): Sign[] {
  const signs: Sign[] = [];
  const { confirmed } = world;
  if (what.includes('finds that every node has')) signs.push('a revocation is confirmed fast');
  if (what.includes('has waited W')) signs.push('a revocation is confirmed slowly');
  for (const [index, process] of world.processes.entries()) {
    const { postgres, keepsView, readsRecords } = scenario.roles[index]!;
    const isWhole = confirmed !== NOTHING && holdsAll(process.view, confirmed);
    if (keepsView && isCurrent(process)) {
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
      holdsLease(process) &&
      confirmed !== NOTHING &&
      record !== NONE &&
      holdsAll(record, confirmed)
    )
      signs.push('a record with a confirmed revocation is filled and may be read');
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
