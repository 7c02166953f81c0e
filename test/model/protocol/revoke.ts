import type { Model, Moves } from '../model';
import { bitOf, type Data, type Publication, holds, spend, type World } from '../state';
import { canGreet, greet, isAlive, isInEpoch, learn } from './epoch';
import { replicate } from './heartbeat';
import { at, knownServers, nameOf, revocationName } from './names';
import { publishToRecord } from './records';
import { leaveEpoch } from './view';

/** The transaction. Revocations need not commit in the order of their numbers. */
export const commit: Moves = (model, world, offer) => {
  for (const revocation of world.publications.keys()) {
    if (holds(world.committed, revocation)) continue;
    if (revocation > 0 && !holds(world.committed, revocation - 1) && !model.scenario.commitsInAnyOrder)
      continue;
    offer(`${revocationName(revocation)} is committed`, (next) => {
      next.committed |= bitOf(revocation);
    });
  }
};

/** A process without a view learns its epoch by a hello of its own. With a view, the join does it. */
export const learnEpoch: Moves = (model, world, offer) => {
  for (const [index, process] of world.processes.entries()) {
    const { keepsView, revokes } = model.scenario.roles[index]!;
    if (keepsView) continue;
    for (const [number, server] of knownServers(world)) {
      if (!canGreet(model, server) || isAlive(model, server, process.id)) continue;
      offer(`${nameOf(model, index)} says hello${at(world, number)}`, (next) => {
        const data = greet(model, next, next.servers[number]!);
        learn(model, next.processes[index]!, data.id, revokes === true);
      });
    }
  }
};

/** Revocations committed at the start are alike until publication, which gives them their order. */
const isNext = ({ scenario }: Model, { publications, confirmed }: World, revocation: number) =>
  scenario.begins !== 'committed' ||
  revocation === 0 ||
  publications[revocation - 1] !== undefined ||
  holds(confirmed, revocation - 1);

/** The processes that are registered, as bits. */
const registeredIn = ({ registry }: Data): number =>
  registry.reduce((bits, entry, index) => (entry ? bits | bitOf(index) : bits), 0);

/** The processes that have to be asked again: registered, and not at the position yet. */
const stillLagging = ({ lagging, position }: Publication, { registry }: Data): number =>
  registry.reduce(
    (bits, entry, index) => (entry && entry.position < position ? bits : bits & ~bitOf(index)),
    lagging,
  );

/** `publish`: the record, the ticket, and an entry in the stream. It answers the position and all beats. */
export const publish: Moves = (model, world, offer) => {
  for (const [revocation, publication] of world.publications.entries()) {
    if (!holds(world.committed, revocation) || holds(world.confirmed, revocation)) continue;
    if (!isNext(model, world, revocation)) continue;
    for (const [index, process] of world.processes.entries()) {
      if (!model.scenario.roles[index]!.revokes || process.id === 0 || process.asleep) continue;
      const isTakeover = publication !== undefined && publication.by !== index && world.faults.takeovers > 0;
      const isNoted = publication?.stage === 'noting' && publication.by === index;
      if (publication && !isTakeover && !isNoted) continue;
      for (const [number, server] of knownServers(world)) {
        const finds = model.keeps('a publication finds the stream') ? isAlive : isInEpoch;
        if (!server.writable || !finds(model, server, process.id)) continue;
        if (isNoted && publication.id !== process.id) continue;
        const before = server.data!.stream.filter((entry) => entry === revocation).length;
        if (before >= (model.scenario.mostPublications ?? 2)) continue;
        const write = (next: World): Publication | undefined => {
          const data = next.servers[number]!.data!;
          data.stream.push(revocation);
          data.streamLost = false;
          publishToRecord(model, data, bitOf(revocation));
          if (isTakeover) spend(next, 'takeovers');
          if (!replicate(model, next, number, 'a publication counts when replicas have it')) return undefined;
          const noted = data.registry.map((entry) => entry?.beats ?? 0);
          return {
            by: index,
            id: data.id,
            position: data.stream.length,
            age: 0,
            noted,
            lagging: isNoted ? publication.lagging : registeredIn(data),
            stage: 'published',
          };
        };
        if (!isNoted && !model.keeps('the nodes are noted with the publication')) {
          offer(`${nameOf(model, index)} notes the nodes${at(world, number)}`, (next) => {
            const data = next.servers[number]!.data!;
            const lagging = registeredIn(data);
            next.publications[revocation] = {
              by: index,
              id: data.id,
              position: 0,
              age: 0,
              noted: [],
              lagging,
              stage: 'noting',
            };
          });
          continue;
        }
        const what = `${nameOf(model, index)} publishes ${revocationName(revocation)}${at(world, number)}`;
        offer(what, (next) => {
          next.publications[revocation] = write(next) ?? next.publications[revocation];
        });
        if (world.faults.lostAnswers > 0)
          offer(`${what}, and the answer is lost`, (next) => {
            spend(next, 'lostAnswers');
            write(next);
          });
      }
    }
  }
};

function confirm(model: Model, next: World, revocation: number, how: 'fast' | 'slowly'): void {
  next.confirmed |= bitOf(revocation);
  const publication = next.publications[revocation];
  if (how === 'slowly' && model.scenario.mostBeats !== undefined && publication)
    publication.stage = 'removing';
  else next.publications[revocation] = undefined;
}

/**
 * The fast confirmation. Each look asks for the nodes that lag, and confirms if none is left. Every node that may be
 * current in this epoch without the revocation was registered at the publication, because a heartbeat both registers the
 * node and makes it current: one that comes later is answered a tail that includes the revocation. Nodes that are
 * current from an earlier epoch are not registered: W after this process learned the new epoch, they are no longer
 * current. Id and nodes are read in one step, from one epoch.
 */
export const confirmFast: Moves = (model, world, offer) => {
  const { keeps } = model;
  for (const [revocation, publication] of world.publications.entries()) {
    if (!publication || publication.stage === 'removing' || publication.stage === 'noting') continue;
    const process = world.processes[publication.by]!;
    const name = nameOf(model, publication.by);
    const what = `${name} finds that every node has ${revocationName(revocation)}: confirmed`;
    const knownLongEnough =
      process.id === publication.id &&
      (process.knownFor >= model.wait || !keeps('an epoch is known for W before a fast confirmation'));
    for (const [number, server] of knownServers(world)) {
      const isUnchanged = isAlive(model, server, publication.id);
      const lagging = server.data ? stillLagging(publication, server.data) : 0;
      if (keeps('the id and the nodes are read in one step')) {
        if (!isUnchanged) continue;
        if (lagging === 0 && knownLongEnough)
          offer(what + at(world, number), (next) => confirm(model, next, revocation, 'fast'));
        else if (lagging !== publication.lagging)
          offer(`${name} finds that a node has ${revocationName(revocation)}${at(world, number)}`, (next) => {
            next.publications[revocation]!.lagging = lagging;
          });
      } else if (publication.stage === 'published') {
        if (!knownLongEnough || !isUnchanged) continue;
        offer(`${name} reads the id`, (next) => {
          next.publications[revocation]!.stage = 'idRead';
        });
      } else if (lagging === 0) {
        offer(what + at(world, number), (next) => confirm(model, next, revocation, 'fast'));
      }
    }
  }
};

/**
 * The slow confirmation. A heartbeat that reached Redis before the publication was stamped before it, so W after the
 * publication's answer that lease has ended. A later heartbeat was answered a tail that includes the revocation.
 */
export const confirmSlowly: Moves = (model, world, offer) => {
  const longEnough = model.keeps('W is longer than L') ? model.wait : model.lease;
  for (const [revocation, publication] of world.publications.entries()) {
    if (publication?.stage !== 'published' || publication.age < longEnough) continue;
    for (const [, server] of knownServers(world)) {
      if (
        model.keeps('a slow confirmation finds the epoch unchanged') &&
        !isAlive(model, server, publication.id)
      )
        continue;
      offer(
        `${nameOf(model, publication.by)} has waited W for ${revocationName(revocation)}: confirmed`,
        (next) => confirm(model, next, revocation, 'slowly'),
      );
    }
  }
};

/** STALE before the confirmation: the process has to publish again, in the present epoch. */
export const publishAgain: Moves = (model, world, offer) => {
  for (const [revocation, publication] of world.publications.entries()) {
    if (!publication || publication.stage === 'removing') continue;
    for (const [number, server] of knownServers(world)) {
      if (isAlive(model, server, publication.id)) continue;
      const name = nameOf(model, publication.by);
      offer(`${name} hears${at(world, number)} that the epoch is over: to be published again`, (next) => {
        next.publications[revocation] = undefined;
        const process = next.processes[publication.by]!;
        if (model.scenario.roles[publication.by]!.keepsView && process.id === publication.id)
          leaveEpoch(model, process);
      });
    }
  }
};

/**
 * After a slow confirmation, nodes that were silent since the publication are removed. They may have come back this
 * moment, so the script that removes them compares their count.
 */
export const removeSilent: Moves = (model, world, offer) => {
  for (const [revocation, publication] of world.publications.entries()) {
    if (publication?.stage !== 'removing') continue;
    for (const [number, server] of knownServers(world)) {
      offer(
        `${nameOf(model, publication.by)} removes the nodes that were silent during ${revocationName(revocation)}`,
        (next) => {
          next.publications[revocation] = undefined;
          const { data } = next.servers[number]!;
          if (!data || !server.writable || !isAlive(model, server, publication.id)) return;
          for (const [index, entry] of data.registry.entries()) {
            const noted = publication.noted[index]!;
            if (!entry || noted === 0) continue;
            if (entry.beats !== noted && model.keeps('a beat is compared before its node is removed'))
              continue;
            data.registry[index] = undefined;
            next.processes[index % next.processes.length]!.wasRemoved = true;
          }
        },
      );
    }
  }
};
