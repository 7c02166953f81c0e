import type { Model, Moves } from '../model';
import { bitOf, DELETED, holds, NOTHING, type Process } from '../state';
import { canGreet, greet, learn } from './epoch';
import { isFree, removeEntries } from './grants';
import { beginFollowers, beginJoining, closeConnections, mayJoin, sendEntry } from './host';
import { at, knownServers, nameOf } from './names';

/** Whether the view may answer a check by itself, by the clock of the check. */
export const isCurrent = ({ lease }: Model, process: Process): boolean => process.viewAge < lease;

/** Forgets the process's state of an epoch. Answers to its requests there no longer arrive. */
export function leaveEpoch(model: Model, process: Process): void {
  process.stage = 'away';
  if (model.keeps('the load is of the full log')) process.view = NOTHING;
  process.position = 0;
  if (model.scenario.lateBeats && process.beat?.stage === 'sent') process.lateBeat = process.beat;
  process.beat = undefined;
  process.leaseAge = model.lease;
  process.leaseTail = 0;
  process.viewAge = model.lease;
}

/** The position of a reader before the first remaining entry. */
const beginningOf = (stream: number[]): number => {
  const first = stream.findIndex((entry) => entry !== DELETED);
  return first < 0 ? stream.length : first;
};

/**
 * Join: note the tail first, then load the whole log from Postgres. A revocation that the load does not see is
 * committed after the load, and published after that tail. So the stream brings it.
 *
 * A process without Postgres reads only the stream, from its beginning. It holds the log once the epoch is filled.
 */
export const join: Moves = (model, world, offer) => {
  const { keeps, scenario } = model;
  for (const [index, process] of world.processes.entries()) {
    const { keepsView, postgres, revokes } = scenario.roles[index]!;
    if (!keepsView || process.asleep) continue;

    const tailIsNotedFirst = keeps('the tail is noted before the load');
    const mayGreet = process.stage === (tailIsNotedFirst || !postgres ? 'away' : 'loading');
    for (const [number, server] of mayGreet ? knownServers(world) : []) {
      if (!canGreet(model, server) || !mayJoin(model, world, index)) continue;
      offer(`${nameOf(model, index)} says hello${at(world, number)}`, (next) => {
        const joining = next.processes[index]!;
        const data = greet(model, next, next.servers[number]!);
        learn(model, joining, data.id, revokes === true);
        beginJoining(next.hosts[index], data.stream.length);
        if (postgres) {
          joining.position = data.stream.length;
          joining.stage = tailIsNotedFirst ? 'loading' : 'following';
        } else if (data.filled || !keeps('without Postgres, only a filled epoch is joined')) {
          joining.position = beginningOf(data.stream);
          joining.stage = 'following';
        }
      });
    }

    if (postgres && process.stage === (tailIsNotedFirst ? 'loading' : 'away')) {
      offer(`${nameOf(model, index)} loads the log from Postgres`, (next) => {
        const joining = next.processes[index]!;
        joining.view |= loadable(model, next.committed, joining.view);
        joining.stage = tailIsNotedFirst ? 'following' : 'loading';
        beginFollowers(model, next, index);
      });
    }
  }
};

/** Transactions do not commit in the order of their ids, so loading only newer ids misses some. */
function loadable({ keeps }: Model, committed: number, view: number): number {
  if (keeps('the load is of the full log')) return committed;
  const greatestKnown = 31 - Math.clz32(view);
  return committed & ~(bitOf(greatestKnown + 1) - 1);
}

/** When the position reaches the tail in the answer to the newest heartbeat, the view is current from its stamp. */
export function renew({ keeps }: Model, process: Process): void {
  if (process.stage !== 'following') return;
  if (process.position < process.leaseTail && keeps('a heartbeat counts when its tail was applied')) return;
  if (process.leaseAge < process.viewAge) process.viewAge = process.leaseAge;
}

/** Reads one entry of the stream. The epoch names the stream, so no script has to check the epoch. */
export const follow: Moves = (model, world, offer) => {
  for (const [index, process] of world.processes.entries()) {
    if (!model.scenario.roles[index]!.keepsView || process.stage !== 'following' || process.asleep) continue;
    for (const [number, { data }] of knownServers(world)) {
      if (data?.id !== process.id || data.streamLost) continue;
      const found = data.stream.findIndex((entry, place) => place >= process.position && entry !== DELETED);
      if (found < 0) continue;
      if (found > process.position && model.keeps('a gap in the stream is noticed')) {
        offer(`${nameOf(model, index)} finds a gap in the stream${at(world, number)}`, (next) =>
          leaveEpoch(model, next.processes[index]!),
        );
        continue;
      }
      offer(`${nameOf(model, index)} applies entry ${found + 1}${at(world, number)}`, (next) => {
        const reader = next.processes[index]!;
        const entry = data.stream[found]!;
        const isKnown = holds(reader.view, entry);
        reader.view |= bitOf(entry);
        reader.position = found + 1;
        sendEntry(model, next, index, entry, isKnown);
        renew(model, reader);
      });
    }
  }
};

/** A graceful stop: once no logout waits for the node, it must not accept a token by its view. */
export const leave: Moves = (model, world, offer) => {
  const giveUpView = (process: Process) => {
    leaveEpoch(model, process);
    process.lateBeat = undefined;
  };
  const mayRemove = (index: number) =>
    isFree(world.hosts[index]) || !model.keeps('a node that stops takes its grants back first');
  const inOrder = model.keeps('a node that leaves gives up its view first');
  for (const [index, process] of world.processes.entries()) {
    if (!model.scenario.roles[index]!.leaves) continue;
    if (process.stage === 'following') {
      offer(
        `${nameOf(model, index)} stops: it ${inOrder ? 'gives up its view' : 'removes its entry'}`,
        (next) => {
          const leaving = next.processes[index]!;
          if (inOrder) giveUpView(leaving);
          else {
            removeEntries(model, next, index);
            leaving.beat = undefined;
          }
          leaving.stage = 'leaving';
        },
      );
    }
    if (process.stage === 'leaving' && mayRemove(index)) {
      offer(`${nameOf(model, index)} ${inOrder ? 'removes its entry' : 'gives up its view'}`, (next) => {
        if (inOrder) removeEntries(model, next, index);
        else giveUpView(next.processes[index]!);
        next.processes[index]!.stage = 'left';
        closeConnections(next, index);
      });
    }
  }
};
