import type { Model, Moves } from '../model';
import { type Data, NONE, type Revocations } from '../state';
import { isAlive } from './epoch';
import { at, knownServers, nameOf } from './names';

/** The effect of a publication on the user's record: it adds to a present one, or voids the ticket of a missing one. */
export function publishToRecord({ keeps }: Model, data: Data, published: Revocations): void {
  if (keeps('a publication voids the ticket')) data.ticket = NONE;
  if (data.record === NONE) {
    // A publication knows one fact. A record claims to hold all of them.
    if (!keeps('a publication makes no record')) data.record = published;
    return;
  }
  data.record = keeps('a publication merges into the record') ? data.record | published : published;
}

/**
 * Reading and filling a record: draw the ticket, read Postgres, then make the record if the ticket is still good. So a
 * record holds everything committed before its ticket was drawn, and every publication since.
 */
export const fillRecords: Moves = (model, world, offer) => {
  const { keeps } = model;
  for (const [index, process] of world.processes.entries()) {
    const { readsRecords, postgres } = model.scenario.roles[index]!;
    if (!readsRecords || !postgres || process.id === 0) continue;
    const { filling } = process;
    const name = nameOf(model, index);

    if (filling?.value === NONE) {
      offer(`${name} reads Postgres for the record`, (next) => {
        next.processes[index]!.filling = { ...filling, value: next.committed };
      });
      continue;
    }
    for (const [number, server] of knownServers(world)) {
      const { data, writable } = server;
      if (!data || !writable) continue;
      if (!filling) {
        if (!isAlive(model, server, process.id) || data.record !== NONE) continue;
        if (data.ticket === NONE && world.tickets === model.scenario.mostTickets) continue;
        offer(`${name} finds no record${at(world, number)} and draws a ticket`, (next) => {
          const there = next.servers[number]!.data!;
          if (there.ticket === NONE) there.ticket = next.tickets += 1;
          next.processes[index]!.filling = { id: process.id, ticket: there.ticket, value: NONE };
        });
        continue;
      }
      // The epoch names record and ticket, so in another epoch this ticket does not exist. The id that the
      // script also checks is only a second protection.
      const named = keeps('records are named by their epoch');
      const isMine = named ? isAlive(model, server, filling.id) : true;
      const isGood = isMine && (data.ticket === filling.ticket || !keeps('a fill needs its ticket'));
      offer(`${name} ${isGood ? 'fills the record' : 'has a void ticket'}${at(world, number)}`, (next) => {
        const there = next.servers[number]!.data!;
        next.processes[index]!.filling = undefined;
        if (!isGood) return;
        there.ticket = NONE;
        there.record = filling.value;
      });
    }
  }
};
