import { emptyRegistry, type Model } from '../model';
import { type Data, NONE, type Process, type Server, type World } from '../state';

/** Whether the data began in this life of the server. */
function beganHere({ keeps }: Model, server: Server, data: Data): boolean {
  // A promoted replica, and a server restarted with the data of its disk, lack the last writes.
  if (keeps('an epoch is bound to the run of its server') && data.run !== server.run) return false;
  // So does a primary that became a replica of a lagging one and was promoted again. Its run id is unchanged.
  if (
    keeps('an epoch is bound to the run of its server') &&
    keeps('an epoch is bound to the promotion of its server') &&
    data.line !== server.line
  )
    return false;
  return true;
}

/** Whether it is also complete since. */
const belongsTo = (model: Model, server: Server, data: Data): boolean =>
  beganHere(model, server, data) && !(data.streamLost && model.keeps('a lost stream ends the epoch'));

/** The first check of a script. If it fails, the script answers STALE. */
export function isInEpoch(model: Model, server: Server, id: number): boolean {
  return server.data?.id === id && beganHere(model, server, server.data);
}

/** The first check of a script that also looks for the stream. */
export function isAlive(model: Model, server: Server, id: number): boolean {
  return server.data?.id === id && belongsTo(model, server, server.data);
}

/** Whether `hello` gets an answer. It may have to write. */
export function canGreet(model: Model, server: Server): boolean {
  return (
    server.known && (server.writable || (server.data !== undefined && belongsTo(model, server, server.data)))
  );
}

/**
 * `hello`: answers the present epoch, or makes one.
 *
 * A late answer needs no step of its own, here and in the scripts below: a process that has an answer and does nothing
 * yet is like one that waits for it.
 */
export function greet(model: Model, world: World, server: Server): Data {
  const there = server.data;
  if (there && belongsTo(model, server, there)) return there;
  world.epochs += 1;
  const named = model.keeps('records are named by their epoch');
  server.data = {
    id: world.epochs,
    run: server.run,
    line: server.line,
    filled: false,
    stream: [],
    streamLost: false,
    registry: emptyRegistry(model.scenario),
    record: named || !there ? NONE : there.record,
    ticket: named || !there ? NONE : there.ticket,
  };
  return server.data;
}

/** A process learns its epoch. Its W counts from here, and a lease of another epoch is void. */
export function learn(
  { keeps, lease, wait }: Model,
  process: Process,
  id: number,
  countsTime: boolean,
): void {
  if (process.id === id) return;
  process.id = id;
  process.knownFor = countsTime ? 0 : wait;
  if (keeps('a lease holds in its own epoch only')) process.leaseAge = lease;
}
