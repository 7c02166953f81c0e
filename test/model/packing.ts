import type { Bytes } from './packed-states';
import { packFollower, packHost, unpackFollower, unpackHost } from './packing-followers';
import { bit, isThere, packList, unpackFlag, unpackList, unpackNumber } from './packing-parts';
import type { Beat, Data, Publication, Faults, Filling, Healing, Process, Server, World } from './state';

/*
 * A state as bytes. `unpack` reads in the order in which `pack` writes, and both name every property. The compiler
 * finds a property that `unpack` forgets. If `pack` forgets one, `unpack` reads wrong bytes from there on.
 */

const BEAT_STAGES: readonly Beat['stage'][] = ['sent', 'answered', 'stale'];
const PUBLICATION_STAGES: readonly Publication['stage'][] = ['noting', 'published', 'idRead', 'removing'];
const PROCESS_STAGES: readonly Process['stage'][] = ['away', 'loading', 'following', 'leaving', 'left'];

function packData(bytes: Bytes, data: Data | undefined): void {
  if (!isThere(bytes, data)) return;
  bytes.put(data.id, data.run, data.line, bit(data.filled));
  bytes.put(data.stream.length, ...data.stream);
  bytes.put(bit(data.streamLost));
  packList(bytes, data.registry, packRegistration);
  bytes.put(data.record, data.ticket);
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
  bytes.put(entry.position, entry.beats);
}
function unpackRegistration(bytes: Bytes): Data['registry'][number] {
  return unpackFlag(bytes) ? { position: bytes.take(), beats: bytes.take() } : undefined;
}

function packServer(bytes: Bytes, server: Server): void {
  bytes.put(server.run, server.line, bit(server.known), bit(server.writable), server.follows);
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
  bytes.put(BEAT_STAGES.indexOf(beat.stage), beat.id, beat.position, beat.beats, beat.age, beat.tail);
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
  bytes.put(filling.id, filling.ticket, filling.value);
}
function unpackFilling(bytes: Bytes): Filling | undefined {
  return unpackFlag(bytes) ? { id: bytes.take(), ticket: bytes.take(), value: bytes.take() } : undefined;
}

function packHealing(bytes: Bytes, healing: Healing | undefined): void {
  if (!isThere(bytes, healing)) return;
  bytes.put(healing.id, healing.log);
}
function unpackHealing(bytes: Bytes): Healing | undefined {
  return unpackFlag(bytes) ? { id: bytes.take(), log: bytes.take() } : undefined;
}

function packProcess(bytes: Bytes, process: Process): void {
  bytes.put(
    PROCESS_STAGES.indexOf(process.stage),
    process.id,
    process.knownFor,
    process.view,
    process.position,
    process.beats,
  );
  packBeat(bytes, process.beat);
  packBeat(bytes, process.lateBeat);
  bytes.put(process.leaseAge, process.leaseTail, process.viewAge);
  packFilling(bytes, process.filling);
  packHealing(bytes, process.healing);
  bytes.put(bit(process.asleep), bit(process.wasRemoved));
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

function packPublication(bytes: Bytes, publication: Publication | undefined): void {
  if (!isThere(bytes, publication)) return;
  bytes.put(publication.by, publication.id, publication.position, publication.age);
  bytes.put(publication.noted.length, ...publication.noted);
  bytes.put(publication.lagging, PUBLICATION_STAGES.indexOf(publication.stage));
}
function unpackPublication(bytes: Bytes): Publication | undefined {
  if (!unpackFlag(bytes)) return undefined;
  return {
    by: bytes.take(),
    id: bytes.take(),
    position: bytes.take(),
    age: bytes.take(),
    noted: unpackList(bytes, unpackNumber),
    lagging: bytes.take(),
    stage: PUBLICATION_STAGES[bytes.take()]!,
  };
}

function packFaults(bytes: Bytes, faults: Faults): void {
  bytes.put(
    faults.flushes,
    faults.losses,
    faults.restarts,
    faults.promotions,
    faults.catchUps,
    faults.demotions,
    faults.evictedStreams,
    faults.evictedRecords,
    faults.trims,
    faults.lostAnswers,
    faults.takeovers,
  );
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
  bytes.put(world.committed, world.confirmed);
  packList(bytes, world.publications, packPublication);
  packList(bytes, world.servers, packServer);
  packList(bytes, world.processes, packProcess);
  packList(bytes, world.hosts, packHost);
  packList(bytes, world.followers, packFollower);
  packFaults(bytes, world.faults);
  bytes.put(world.epochs, world.runs, world.lines, world.tickets, world.phase);
}
export function unpackWorld(bytes: Bytes): World {
  return {
    committed: bytes.take(),
    confirmed: bytes.take(),
    publications: unpackList(bytes, unpackPublication),
    servers: unpackList(bytes, unpackServer),
    processes: unpackList(bytes, unpackProcess),
    hosts: unpackList(bytes, unpackHost),
    followers: unpackList(bytes, unpackFollower),
    faults: unpackFaults(bytes),
    epochs: bytes.take(),
    runs: bytes.take(),
    lines: bytes.take(),
    tickets: bytes.take(),
    phase: bytes.take(),
  };
}
