import { hasSlowClock, type Model, type Moves, SLOW_CLOCK_LOSES_ONE_IN } from './model';
import { at, followerName, knownServers, nameOf } from './protocol/names';
import { leaveEpoch } from './protocol/view';
import { copyOfData, DELETED, type Faults, NONE, type Server, spend, type World } from './state';
import type { Lease } from './state-followers';

/**
 * Pauses need no step: a process, or a message on its way, may be passed over for any number of ticks. A node that died
 * is passed over forever, and a check that takes time counts at the moment at which it read its clock.
 */
export const passTime: Moves = (model, world, offer) => {
  offer('a tick passes', (next) => {
    if (hasSlowClock(model)) next.phase = (next.phase + 1) % SLOW_CLOCK_LOSES_ONE_IN;
    for (const index of next.processes.keys()) if (clockRuns(model, next, index)) grow(model, next, index);
    passTimeOfGrants(model, next);
  });
};

function clockRuns({ scenario, keeps }: Model, world: World, index: number): boolean {
  if (scenario.roles[index]!.slowClock && world.phase === 0) return false;
  // The monotonic clock may stop while the machine sleeps. The other clock goes on.
  return !world.processes[index]!.asleep || keeps('the larger of two clocks counts');
}

function grow({ lease, wait }: Model, world: World, index: number): void {
  const process = world.processes[index]!;
  process.knownFor = process.id === 0 ? 0 : older(process.knownFor, wait);
  process.leaseAge = older(process.leaseAge, lease);
  if (process.leaseAge === lease) process.leaseTail = 0;
  process.viewAge = older(process.viewAge, lease);
  for (const beat of [process.beat, process.lateBeat]) if (beat) beat.age = older(beat.age, lease);
  for (const publication of world.publications)
    if (publication?.by === index) publication.age = older(publication.age, wait);
}

const older = (age: number, most: number) => (age < most ? age + 1 : most);
const sooner = <Some extends Lease>(lease: Some | undefined): Some | undefined =>
  lease && lease.left > 1 ? { ...lease, left: lease.left - 1 } : undefined;

/** What nodes wait for, and what followers hold, each by its own clock. */
function passTimeOfGrants(model: Model, world: World): void {
  const { keeps, scenario, lease } = model;
  const isLate = world.phase === 0;
  for (const [index, host] of world.hosts.entries()) {
    const { slowClock } = scenario.roles[index]!;
    // The monotonic clock may stop while the machine sleeps. Then the node waits for longer than it has to.
    const sleeps =
      world.processes[index]!.asleep && keeps('the node waits for grants by the monotonic clock');
    if ((slowClock && isLate) || sleeps) continue;
    host.grants = host.grants.map(sooner).filter((grant) => grant !== undefined);
  }
  for (const [index, { links, asleep }] of world.followers.entries()) {
    const { slowClock } = scenario.followers![index]!;
    const sleeps = asleep && !keeps('a follower counts by the larger of two clocks');
    if ((slowClock && isLate) || sleeps) continue;
    for (const link of links) {
      link.granted = sooner(link.granted);
      link.lease = sooner(link.lease);
      if (link.beat) link.beat.age = older(link.beat.age, lease);
      if (link.beat?.age === lease && keeps('a grant counts from the stamp')) link.beat = undefined;
    }
  }
}

/** The possible faults of Redis. */
export const failRedis: Moves = (model, world, offer) => {
  const { faults } = world;
  const befall = (
    fault: keyof Faults,
    what: string,
    number: number,
    change: (server: Server, next: World) => void,
  ) => {
    if (faults[fault] === 0) return;
    offer(what + at(world, number), (next) => {
      spend(next, fault);
      change(next.servers[number]!, next);
    });
  };
  const newRun = (server: Server, next: World) => {
    server.run = next.runs += 1;
    server.line = next.lines += 1;
  };
  for (const [number, server] of world.servers.entries()) {
    const { data } = server;
    if (data && server.writable) {
      befall('flushes', 'all data is flushed', number, (hit) => {
        hit.data = undefined;
      });
      befall('losses', 'Redis restarts without data', number, (hit, next) => {
        hit.data = undefined;
        newRun(hit, next);
      });
      if (faults.restarts > 0 && !server.saved)
        offer(`Redis saves its data${at(world, number)}`, (next) => {
          next.servers[number]!.saved = copyOfData(data);
        });
      if (server.saved)
        befall('restarts', 'Redis restarts with what it had saved', number, (hit, next) => {
          hit.data = copyOfData(server.saved);
          hit.saved = undefined;
          newRun(hit, next);
        });
      if (!data.streamLost)
        befall('evictedStreams', 'the stream is evicted', number, (hit) => {
          hit.data!.streamLost = true;
          hit.data!.stream = data.stream.map(() => DELETED);
        });
      if (data.record !== NONE)
        befall('evictedRecords', 'the record is evicted', number, (hit) => {
          hit.data!.record = NONE;
        });
      const oldest = data.stream.findIndex((entry) => entry !== DELETED);
      if (oldest >= 0)
        befall('trims', `entry ${oldest + 1} is deleted`, number, (hit) => {
          hit.data!.stream[oldest] = DELETED;
        });
    }
  }
};

/**
 * Failover. Without `WAIT` the model assumes that the old primary accepts no writes, though it may still be read. With
 * `WAIT` the old primary may continue as before.
 */
export const failOver: Moves = (model, world, offer) => {
  for (const [number, server] of world.servers.entries()) {
    if (server.follows === NONE) continue;
    const primary = world.servers[server.follows]!;
    if (world.faults.catchUps > 0)
      offer('the replica catches up', (next) => {
        spend(next, 'catchUps');
        next.servers[number]!.data = copyOfData(primary.data);
      });
    if (world.faults.promotions > 0)
      offer(`the replica becomes the primary:${at(world, number)}`, (next) => {
        spend(next, 'promotions');
        const promoted = next.servers[number]!;
        promoted.follows = NONE;
        promoted.known = true;
        promoted.writable = true;
        promoted.line = next.lines += 1;
        if (model.scenario.waitsFor !== 'replicas') next.servers[server.follows]!.writable = false;
      });
  }
  for (const [number, server] of knownServers(world)) {
    const primary = world.servers.findIndex(({ line }) => line > server.line);
    if (world.faults.demotions === 0 || primary === NONE || server.follows !== NONE) continue;
    offer(`the old primary becomes a replica of the new one:${at(world, number)}`, (next) => {
      spend(next, 'demotions');
      const demoted = next.servers[number]!;
      demoted.follows = primary;
      demoted.writable = false;
      demoted.line = next.servers[primary]!.line;
      demoted.data = copyOfData(next.servers[primary]!.data);
    });
  }
};

/** The possible faults of processes and clocks. */
export const failProcesses: Moves = (model, world, offer) => {
  for (const [index, process] of world.processes.entries()) {
    const { keepsView, reconnects, setsClock, sleeps } = model.scenario.roles[index]!;
    if (!keepsView) continue;
    const name = nameOf(model, index);
    if (reconnects && process.stage === 'following')
      offer(`${name} loses its connection and joins again`, (next) =>
        leaveEpoch(model, next.processes[index]!),
      );
    if (sleeps)
      offer(`the machine of ${name} ${process.asleep ? 'wakes' : 'falls asleep'}`, (next) => {
        next.processes[index]!.asleep = !process.asleep;
      });
    if (setsClock && process.viewAge < model.lease)
      offer(`the wall clock of ${name} is set forward`, (next) => {
        const hit = next.processes[index]!;
        hit.leaseAge = model.lease;
        hit.leaseTail = 0;
        hit.viewAge = model.lease;
        if (hit.beat) hit.beat.age = model.lease;
        if (!model.keeps('the node waits for grants by the monotonic clock')) next.hosts[index]!.grants = [];
      });
  }
  failFollowers(model, world, offer);
};

const failFollowers: Moves = (model, world, offer) => {
  for (const [follower, { asleep, links }] of world.followers.entries()) {
    const { setsClock, sleeps } = model.scenario.followers![follower]!;
    const name = followerName(model, follower);
    if (sleeps)
      offer(`the machine of ${name} ${asleep ? 'wakes' : 'falls asleep'}`, (next) => {
        next.followers[follower]!.asleep = !asleep;
      });
    for (const isAhead of setsClock ? [true, false] : []) {
      if (!links.some(({ lease }) => lease?.seemsOver === !isAhead)) continue;
      offer(`the wall clock of ${name} is set ${isAhead ? 'forward' : 'back'}`, (next) => {
        for (const { lease } of next.followers[follower]!.links) if (lease) lease.seemsOver = isAhead;
      });
    }
  }
};
