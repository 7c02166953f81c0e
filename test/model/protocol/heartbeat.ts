import type { Model, Moves } from '../model';
import type { Rule } from '../rules';
import { type Beat, copyOfData, type Data, type Process, type Server, type World } from '../state';
import { isAlive, isInEpoch } from './epoch';
import { at, knownServers, nameOf } from './names';
import { reportable } from './grants';
import { slotOf } from './host';
import { leaveEpoch, renew } from './view';

/**
 * `WAIT`: confirms the write on the replicas, or reports that they could not be reached. An old primary has none: they
 * follow the new one. Without `WAIT` a write counts at once, and the replica gets it later (faults.ts).
 */
export function replicate({ scenario, keeps }: Model, world: World, number: number, rule: Rule): boolean {
  if (scenario.waitsFor !== 'replicas' || !keeps(rule)) return true;
  const { data, line } = world.servers[number]!;
  const isOldPrimary = world.servers.some((other) => other.line > line);
  if (isOldPrimary) return false;
  for (const replica of world.servers) if (replica.follows === number) replica.data = copyOfData(data);
  return true;
}

/** A process that holds a lease may answer a check by the user's record. */
export const holdsLease = ({ lease }: Model, process: Process): boolean => process.leaseAge < lease;

/** Stamp, then send. The stamp must come first: the lease counts from it. */
export const sendBeat: Moves = (model, world, offer) => {
  const { mostBeats } = model.scenario;
  for (const [index, process] of world.processes.entries()) {
    const { keepsView, readsRecords } = model.scenario.roles[index]!;
    const ready = keepsView ? process.stage === 'following' : readsRecords === true && process.id > 0;
    if (!ready || process.asleep || process.beat) continue;
    if (mostBeats !== undefined && process.beats >= mostBeats) continue;
    const position = reportable(model, world.hosts[index], process.position);
    offer(
      `${nameOf(model, index)} stamps its clock and sends a heartbeat at position ${position}`,
      (next) => {
        const sender = next.processes[index]!;
        const host = next.hosts[index];
        if (mostBeats !== undefined) sender.beats += 1;
        if (host && model.keeps('a reported position never goes back')) host.reported = position;
        const { id, beats } = sender;
        sender.beat = { stage: 'sent', id, position, beats, age: 0, tail: 0 };
        if (model.scenario.quickBeats)
          arrive(model, next, index, 'beat', 0, !finds(model, next.servers[0]!, sender.beat));
      },
    );
  }
};

/**
 * A process behind the tail waits for the stream, so its heartbeat looks for it. One at the tail has everything that was
 * confirmed in this epoch, and no publication comes after the loss.
 */
function finds(model: Model, server: Server, { id, position }: Beat): boolean {
  const isBehind = position < (server.data?.stream.length ?? 0);
  const looks = isBehind && model.keeps('a heartbeat behind the tail finds the stream');
  return looks ? isAlive(model, server, id) : isInEpoch(model, server, id);
}

function register(model: Model, world: World, data: Data, index: number, beat: Beat): void {
  const { scenario, keeps } = model;
  if (!scenario.roles[index]!.keepsView) return;
  const slot = slotOf(model, world, index, world.hosts[index]?.joining ?? 1);
  const beats = keeps('a count of beats never comes again')
    ? beat.beats
    : (data.registry[slot]?.beats ?? 0) + 1;
  data.registry[slot] = { position: beat.position, beats: scenario.mostBeats === undefined ? 0 : beats };
}

/** `beat(id, node, position)`: registers the node and answers the tail, or STALE in another epoch. */
export const answerBeat: Moves = (model, world, offer) => {
  for (const [index, process] of world.processes.entries()) {
    for (const kind of ['beat', 'lateBeat'] as const) {
      if (process[kind]?.stage !== 'sent') continue;
      const sent = process[kind];
      for (const [number, server] of knownServers(world)) {
        const named = model.keeps('a heartbeat names its epoch');
        const isStale = named ? !finds(model, server, sent) : !server.data;
        // A primary that refuses writes fails the script, so there is no answer.
        if (!isStale && !server.writable) continue;
        const name = `${kind === 'beat' ? 'the heartbeat' : 'the late heartbeat'} of ${nameOf(model, index)}`;
        offer(`${name} arrives${at(world, number)}${isStale ? ' and is STALE' : ''}`, (next) =>
          arrive(model, next, index, kind, number, isStale),
        );
      }
    }
  }
};

function arrive(
  model: Model,
  world: World,
  index: number,
  kind: 'beat' | 'lateBeat',
  number: number,
  isStale: boolean,
): void {
  const sender = world.processes[index]!;
  const beat = sender[kind]!;
  const { data } = world.servers[number]!;
  if (isStale || !data) {
    beat.stage = 'stale';
    if (kind === 'beat' && !model.scenario.slowAnswers) hearStale(model, sender, index);
    return;
  }
  register(model, world, data, index, beat);
  beat.stage = 'answered';
  beat.tail = data.stream.length;
  if (!replicate(model, world, number, 'a heartbeat counts when replicas have it')) sender[kind] = undefined;
  else if (kind === 'beat' && !model.scenario.slowAnswers) takeAnswer(model, sender, beat);
}

function takeAnswer(model: Model, process: Process, beat: Beat): void {
  if (process.beat === beat) process.beat = undefined;
  if (beat.id !== process.id && model.keeps('a lease holds in its own epoch only')) return;
  process.leaseAge = model.keeps('the stamp is taken before sending') ? beat.age : 0;
  process.leaseTail = beat.tail;
  renew(model, process);
}

function hearStale(model: Model, process: Process, index: number): void {
  const { view, viewAge } = process;
  leaveEpoch(model, process);
  if (model.scenario.keepsViews) Object.assign(process, { view, viewAge });
  if (!model.scenario.roles[index]!.keepsView) process.id = 0;
}

/**
 * The answer gives the lease. It makes the view current only after everything published before it has been applied. So
 * a view whose reading is stuck stops being current although its heartbeats continue.
 */
export const hearBeat: Moves = (model, world, offer) => {
  for (const [index, process] of world.processes.entries()) {
    if (process.asleep) continue;
    const { beat, lateBeat } = process;
    if (beat?.stage === 'answered') {
      offer(`${nameOf(model, index)} hears that the tail was ${beat.tail}`, (next) => {
        const sender = next.processes[index]!;
        takeAnswer(model, sender, sender.beat!);
      });
      offer(`the answer to the heartbeat of ${nameOf(model, index)} is lost`, (next) => {
        next.processes[index]!.beat = undefined;
      });
    }
    if (beat?.stage === 'stale') {
      offer(`${nameOf(model, index)} hears that its epoch is over`, (next) => {
        hearStale(model, next.processes[index]!, index);
      });
    }
    if (lateBeat && lateBeat.stage !== 'sent') {
      offer(`the late answer reaches ${nameOf(model, index)}`, (next) => {
        const sender = next.processes[index]!;
        sender.lateBeat = undefined;
        if (!model.keeps('late answers of an earlier join are not heard') && lateBeat.stage === 'answered')
          takeAnswer(model, sender, lateBeat);
      });
    }
  }
};
