import type { Bytes } from './packed-states';
import type { Beat, Data, Delivery, Faults, Filling, Healing, Process, Server, World } from './state';

/*
 * A state as bytes. `unpack` reads in the order in which `pack` writes, and both name every property. The compiler
 * finds a property that `unpack` forgets. If `pack` forgets one, `unpack` reads wrong bytes from there on.
 */

const BEAT_STAGES: readonly Beat['stage'][] = ['sent', 'answered', 'stale'];
const DELIVERY_STAGES: readonly Delivery['stage'][] = ['published', 'idRead', 'removing'];
const PROCESS_STAGES: readonly Process['stage'][] = ['away', 'loading', 'following', 'leaving', 'left'];

function packList<Item>(bytes: Bytes, list: readonly Item[], pack: (bytes: Bytes, item: Item) => void): void {
  bytes.put(list.length);
  for (let index = 0; index < list.length; index += 1) pack(bytes, list[index]!);
}

function unpackList<Item>(bytes: Bytes, unpack: (bytes: Bytes) => Item): Item[] {
  const list: Item[] = [];
  for (let left = bytes.take(); left > 0; left -= 1) list.push(unpack(bytes));
  return list;
}

const packNumber = (bytes: Bytes, number: number) => bytes.put(number);
const unpackNumber = (bytes: Bytes) => bytes.take();
const packFlag = (bytes: Bytes, flag: boolean) => bytes.put(flag ? 1 : 0);
const unpackFlag = (bytes: Bytes) => bytes.take() === 1;

/** Writes whether there is a part, and returns it. */
function isThere<Part>(bytes: Bytes, part: Part | undefined): part is Part {
  bytes.put(part === undefined ? 0 : 1);
  return part !== undefined;
}

function packData(bytes: Bytes, data: Data | undefined): void {
  if (!isThere(bytes, data)) return;
  bytes.put(data.id);
  bytes.put(data.run);
  bytes.put(data.line);
  packFlag(bytes, data.filled);
  packList(bytes, data.stream, packNumber);
  packFlag(bytes, data.streamLost);
  packList(bytes, data.registry, packRegistration);
  bytes.put(data.record);
  bytes.put(data.ticket);
}
function unpackData(bytes: Bytes): Data | undefined {
  if (!unpackFlag(bytes)) return undefined;
  return {
    id: bytes.take(),
    run: bytes.take(),
    line: bytes.take(),
    filled: unpackFlag(bytes),
    stream: unpackList(bytes, unpackNumber),
    streamLost: unpackFlag(bytes),
    registry: unpackList(bytes, unpackRegistration),
    record: bytes.take(),
    ticket: bytes.take(),
  };
}
function packRegistration(bytes: Bytes, entry: Data['registry'][number]): void {
  if (!isThere(bytes, entry)) return;
  bytes.put(entry.position);
  bytes.put(entry.beats);
}
function unpackRegistration(bytes: Bytes): Data['registry'][number] {
  return unpackFlag(bytes) ? { position: bytes.take(), beats: bytes.take() } : undefined;
}

function packServer(bytes: Bytes, server: Server): void {
  bytes.put(server.run);
  bytes.put(server.line);
  packFlag(bytes, server.known);
  packFlag(bytes, server.writable);
  bytes.put(server.follows);
  packData(bytes, server.data);
  packData(bytes, server.saved);
}
function unpackServer(bytes: Bytes): Server {
  return {
    run: bytes.take(),
    line: bytes.take(),
    known: unpackFlag(bytes),
    writable: unpackFlag(bytes),
    follows: bytes.take(),
    data: unpackData(bytes),
    saved: unpackData(bytes),
  };
}

function packBeat(bytes: Bytes, beat: Beat | undefined): void {
  if (!isThere(bytes, beat)) return;
  bytes.put(BEAT_STAGES.indexOf(beat.stage));
  bytes.put(beat.id);
  bytes.put(beat.position);
  bytes.put(beat.beats);
  bytes.put(beat.age);
  bytes.put(beat.tail);
}
function unpackBeat(bytes: Bytes): Beat | undefined {
  if (!unpackFlag(bytes)) return undefined;
  return {
    stage: BEAT_STAGES[bytes.take()]!,
    id: bytes.take(),
    position: bytes.take(),
    beats: bytes.take(),
    age: bytes.take(),
    tail: bytes.take(),
  };
}

function packFilling(bytes: Bytes, filling: Filling | undefined): void {
  if (!isThere(bytes, filling)) return;
  bytes.put(filling.id);
  bytes.put(filling.ticket);
  bytes.put(filling.value);
}
function unpackFilling(bytes: Bytes): Filling | undefined {
  return unpackFlag(bytes) ? { id: bytes.take(), ticket: bytes.take(), value: bytes.take() } : undefined;
}

function packHealing(bytes: Bytes, healing: Healing | undefined): void {
  if (!isThere(bytes, healing)) return;
  bytes.put(healing.id);
  bytes.put(healing.log);
}
function unpackHealing(bytes: Bytes): Healing | undefined {
  return unpackFlag(bytes) ? { id: bytes.take(), log: bytes.take() } : undefined;
}

function packProcess(bytes: Bytes, process: Process): void {
  bytes.put(PROCESS_STAGES.indexOf(process.stage));
  bytes.put(process.id);
  bytes.put(process.knownFor);
  bytes.put(process.view);
  bytes.put(process.position);
  bytes.put(process.beats);
  packBeat(bytes, process.beat);
  packBeat(bytes, process.lateBeat);
  bytes.put(process.leaseAge);
  bytes.put(process.leaseTail);
  bytes.put(process.viewAge);
  packFilling(bytes, process.filling);
  packHealing(bytes, process.healing);
  packFlag(bytes, process.asleep);
  packFlag(bytes, process.wasRemoved);
}
function unpackProcess(bytes: Bytes): Process {
  return {
    stage: PROCESS_STAGES[bytes.take()]!,
    id: bytes.take(),
    knownFor: bytes.take(),
    view: bytes.take(),
    position: bytes.take(),
    beats: bytes.take(),
    beat: unpackBeat(bytes),
    lateBeat: unpackBeat(bytes),
    leaseAge: bytes.take(),
    leaseTail: bytes.take(),
    viewAge: bytes.take(),
    filling: unpackFilling(bytes),
    healing: unpackHealing(bytes),
    asleep: unpackFlag(bytes),
    wasRemoved: unpackFlag(bytes),
  };
}

function packDelivery(bytes: Bytes, delivery: Delivery | undefined): void {
  if (!isThere(bytes, delivery)) return;
  bytes.put(delivery.by);
  bytes.put(delivery.id);
  bytes.put(delivery.position);
  bytes.put(delivery.age);
  packList(bytes, delivery.noted, packNumber);
  bytes.put(DELIVERY_STAGES.indexOf(delivery.stage));
}
function unpackDelivery(bytes: Bytes): Delivery | undefined {
  if (!unpackFlag(bytes)) return undefined;
  return {
    by: bytes.take(),
    id: bytes.take(),
    position: bytes.take(),
    age: bytes.take(),
    noted: unpackList(bytes, unpackNumber),
    stage: DELIVERY_STAGES[bytes.take()]!,
  };
}

function packFaults(bytes: Bytes, faults: Faults): void {
  bytes.put(faults.flushes);
  bytes.put(faults.losses);
  bytes.put(faults.restarts);
  bytes.put(faults.promotions);
  bytes.put(faults.catchUps);
  bytes.put(faults.demotions);
  bytes.put(faults.evictedStreams);
  bytes.put(faults.evictedRecords);
  bytes.put(faults.trims);
  bytes.put(faults.lostAnswers);
  bytes.put(faults.takeovers);
}
function unpackFaults(bytes: Bytes): Faults {
  return {
    flushes: bytes.take(),
    losses: bytes.take(),
    restarts: bytes.take(),
    promotions: bytes.take(),
    catchUps: bytes.take(),
    demotions: bytes.take(),
    evictedStreams: bytes.take(),
    evictedRecords: bytes.take(),
    trims: bytes.take(),
    lostAnswers: bytes.take(),
    takeovers: bytes.take(),
  };
}

export function packWorld(bytes: Bytes, world: World): void {
  bytes.put(world.committed);
  bytes.put(world.confirmed);
  packList(bytes, world.deliveries, packDelivery);
  packList(bytes, world.servers, packServer);
  packList(bytes, world.processes, packProcess);
  packFaults(bytes, world.faults);
  bytes.put(world.epochs);
  bytes.put(world.runs);
  bytes.put(world.lines);
  bytes.put(world.tickets);
  bytes.put(world.phase);
}
export function unpackWorld(bytes: Bytes): World {
  return {
    committed: bytes.take(),
    confirmed: bytes.take(),
    deliveries: unpackList(bytes, unpackDelivery),
    servers: unpackList(bytes, unpackServer),
    processes: unpackList(bytes, unpackProcess),
    faults: unpackFaults(bytes),
    epochs: bytes.take(),
    runs: bytes.take(),
    lines: bytes.take(),
    tickets: bytes.take(),
    phase: bytes.take(),
  };
}
