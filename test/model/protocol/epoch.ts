import { LEASE, type Model, WAIT } from '../model';
import { type Data, NONE, type Process, type Server, type World } from '../state';

/** Whether the data began in this very life of this server, and has been whole since. */
function belongsTo({ keeps }: Model, server: Server, data: Data): boolean {
  // A replica that was promoted, and a server that restarted with what was on its disk, lack what came last.
  if (keeps('an epoch is bound to the run of its server') && data.run !== server.run) return false;
  // So does a primary that became a replica of a lagging one and was then promoted again: with the run it always had.
  if (
    keeps('an epoch is bound to the run of its server') &&
    keeps('an epoch is bound to the promotion of its server') &&
    data.line !== server.line
  )
    return false;
  return !(data.streamLost && keeps('a lost stream ends the epoch'));
}

/** What every script but `hello` asks first; where it is not so, the script answers STALE. */
export function isAlive(model: Model, server: Server, id: number): boolean {
  return server.data?.id === id && belongsTo(model, server, server.data);
}

/** Whether `hello` gets an answer: it may have to write. */
export function canGreet(model: Model, server: Server): boolean {
  return (
    server.known && (server.writable || (server.data !== undefined && belongsTo(model, server, server.data)))
  );
}

/**
 * `hello`: answers the epoch there is, or makes one.
 *
 * That the answer comes later needs no step of its own, here and with the scripts below: whoever has an answer and does
 * nothing yet cannot be told from one who waits for it.
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
    registry: world.processes.map(() => undefined),
    record: named || !there ? NONE : there.record,
    ticket: named || !there ? NONE : there.ticket,
  };
  return server.data;
}

/** A process learns which epoch it is in. W counts from here for it, and a lease of another epoch is of no use. */
export function learn({ keeps }: Model, process: Process, id: number, countsTime: boolean): void {
  if (process.id === id) return;
  process.id = id;
  process.knownFor = countsTime ? 0 : WAIT;
  if (keeps('a lease holds in its own epoch only')) process.leaseAge = LEASE;
}
