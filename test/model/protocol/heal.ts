import type { Moves } from '../model';
import { NOTHING } from '../state';
import { isAlive } from './epoch';
import { at, knownServers, nameOf } from './names';

/**
 * Heal: a process with Postgres that knows an epoch which is not filled loads the log and appends all of it, with
 * `filled` in the last entry. It notes the id before the load, so revocations that the log lacks are committed, and
 * published, in this epoch or a later one.
 */
export const heal: Moves = (model, world, offer) => {
  const { keeps, scenario } = model;
  for (const [index, process] of world.processes.entries()) {
    if (!scenario.roles[index]!.heals || process.id === 0) continue;
    const { healing } = process;
    if (!healing) {
      const unfilled = world.servers.some(({ data }) => data?.id === process.id && !data.filled);
      if (!unfilled) continue;
      offer(`${nameOf(model, index)} notes the unfilled epoch ${process.id} and loads the log`, (next) => {
        next.processes[index]!.healing = { id: process.id, log: next.committed };
      });
      continue;
    }
    for (const [number, server] of knownServers(world)) {
      if (!server.writable || !server.data) continue;
      if (keeps('a heal names its epoch') && !isAlive(model, server, healing.id)) {
        offer(`${nameOf(model, index)} gives up healing${at(world, number)}: STALE`, (next) => {
          next.processes[index]!.healing = undefined;
        });
        continue;
      }
      const chunk = healing.log & -healing.log;
      const isLast = chunk === healing.log;
      offer(
        `${nameOf(model, index)} heals${at(world, number)}${isLast ? ', which is filled now' : ''}`,
        (next) => {
          const data = next.servers[number]!.data!;
          if (chunk !== NOTHING) data.stream.push(31 - Math.clz32(chunk));
          if (isLast || !keeps('a heal is filled with its last entry')) data.filled = true;
          const log = healing.log & ~chunk;
          next.processes[index]!.healing = isLast ? undefined : { id: healing.id, log };
        },
      );
    }
  }
};
