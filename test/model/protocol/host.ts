import type { Model, Moves } from '../model';
import { bitOf, NONE, NOTHING, type Revocations, type World } from '../state';
import type { Host, Link } from '../state-followers';
import { followerName, nameOf } from './names';
import { leaveEpoch } from './view';

/* What a node sends to its followers. */

/** The place in the registry of one join of a process. */
export function slotOf({ keeps }: Model, world: World, index: number, joining: number): number {
  const name = keeps('each join has a new name') ? Math.max(joining, 1) : 1;
  return index + world.processes.length * (name - 1);
}

/** Whether the process may join once more. */
export const mayJoin = ({ scenario }: Model, world: World, index: number): boolean =>
  !world.hosts[index] || world.hosts[index].joining < (scenario.mostJoinings ?? 1);

/** Begins a new join, with the tail that was noted. */
export function beginJoining(host: Host | undefined, tail: number): void {
  if (!host) return;
  host.joining += 1;
  host.began = tail;
  host.recent = [];
  host.reported = 0;
}

const linksTo = (world: World, index: number): Link[] => world.followers.map(({ links }) => links[index]!);

/** What the process has sent to its followers in this joining goes on. */
const isBegun = ({ isConnected, begun }: Link, host: Host): boolean => isConnected && begun === host.joining;

function send(world: World, index: number, link: Link, entries: Revocations, whole: boolean): void {
  const { id, position } = world.processes[index]!;
  link.sent.push({ joining: link.begun, id, entries, position, whole });
}

/** Sends the snapshot, or its first part. */
function sendSnapshot({ scenario }: Model, world: World, index: number, link: Link): void {
  const { view } = world.processes[index]!;
  link.begun = world.hosts[index]!.joining;
  link.rest = scenario.snapshotsInParts ? view : NONE;
  send(world, index, link, scenario.snapshotsInParts ? NOTHING : view, !scenario.snapshotsInParts);
}

/** The load is done: all followers begin anew, in the same epoch too. */
export function beginFollowers(model: Model, world: World, index: number): void {
  const host = world.hosts[index];
  for (const link of host ? linksTo(world, index) : []) {
    if (!link.isConnected || link.begun === host!.joining) continue;
    if (link.begun > 0 && !model.keeps('each join begins its followers anew')) {
      link.begun = host!.joining;
      link.rest = NONE;
      send(world, index, link, NOTHING, true);
    } else sendSnapshot(model, world, index, link);
  }
}

/** Whether the node has in memory what a follower has missed since its position. */
export function canGoOn({ keeps }: Model, world: World, index: number, follower: number): boolean {
  const { from } = world.followers[follower]!;
  if (!from) return false;
  const isSameEpoch = from.id === world.processes[index]!.id;
  const hasEntries = from.position >= world.hosts[index]!.began;
  return (
    (isSameEpoch || !keeps('a follower goes on in one epoch only')) &&
    (hasEntries || !keeps('a node has the entries behind the position of a follower that goes on'))
  );
}

/** Begins a new connection: a follower that knows enough goes on from its position. */
export function beginConnection(model: Model, world: World, index: number, follower: number): void {
  const host = world.hosts[index]!;
  const { from, links } = world.followers[follower]!;
  const link = links[index]!;
  link.isConnected = true;
  if (!canGoOn(model, world, index, follower)) {
    sendSnapshot(model, world, index, link);
    return;
  }
  link.begun = host.joining;
  link.rest = NONE;
  const missed = host.recent.slice(Math.max(0, from!.position - host.began));
  send(
    world,
    index,
    link,
    missed.reduce((bits, entry) => bits | bitOf(entry), NOTHING),
    true,
  );
}

/** The rest of a snapshot. What the view took in since it began was sent already. */
export const sendRest: Moves = (model, world, offer) => {
  for (const [follower, { links }] of world.followers.entries())
    for (const [index, link] of links.entries()) {
      const isServed = isBegun(link, world.hosts[index]!) && world.processes[index]!.stage === 'following';
      if (!isServed || link.rest === NONE) continue;
      offer(
        `${nameOf(model, index)} sends the rest of the snapshot to ${followerName(model, follower)}`,
        (next) => {
          const served = next.followers[follower]!.links[index]!;
          served.rest = NONE;
          send(next, index, served, link.rest, true);
        },
      );
    }
};

/** Sends what the stream brought. `isKnown`: the view had it. */
export function sendEntry(model: Model, world: World, index: number, entry: number, isKnown: boolean): void {
  const host = world.hosts[index];
  if (!host) return;
  if (model.scenario.goesOn) host.recent.push(entry);
  const isLeftOut = isKnown && !model.keeps('known entries are sent too');
  for (const link of linksTo(world, index))
    if (isBegun(link, host)) send(world, index, link, isLeftOut ? NOTHING : bitOf(entry), link.rest === NONE);
}

/** A node takes what it revokes, or finds in Postgres, before the stream brings it. */
export const catchUp: Moves = (model, world, offer) => {
  for (const [index, process] of world.processes.entries()) {
    const news = world.committed & ~process.view;
    const takes = model.scenario.roles[index]!.catchesUp && process.stage === 'following';
    if (!takes || news === NOTHING || process.asleep) continue;
    offer(`${nameOf(model, index)} takes what is in Postgres`, (next) => {
      next.processes[index]!.view |= news;
      const host = next.hosts[index];
      if (!host || !model.keeps('what a node takes by itself is sent at once')) return;
      for (const link of linksTo(next, index))
        if (isBegun(link, host)) send(next, index, link, news, link.rest === NONE);
    });
  }
};

/** A node dies and starts again. It forgets everything, and so whose grants are not over. */
export const die: Moves = (model, world, offer) => {
  for (const [index, host] of world.hosts.entries()) {
    const process = world.processes[index]!;
    const { dies } = model.scenario.roles[index]!;
    if (!dies || process.stage !== 'following' || !mayJoin(model, world, index)) continue;
    offer(`${nameOf(model, index)} dies, and starts again`, (next) => {
      const dead = next.processes[index]!;
      leaveEpoch(model, dead);
      dead.view = NOTHING;
      dead.id = 0;
      dead.knownFor = 0;
      next.hosts[index]!.first = host.joining + 1;
      next.hosts[index]!.grants = [];
      for (const link of linksTo(next, index)) cut(link);
    });
  }
};

/** The connection is over for both, with all that was under way. The follower's lease goes on. */
export function cut(link: Link): void {
  link.isConnected = false;
  link.begun = 0;
  link.rest = NONE;
  link.sent = [];
  link.joining = 0;
  link.id = 0;
  link.position = 0;
  link.isWhole = false;
  link.beat = undefined;
  link.granted = undefined;
}

/** A node that has left closes its connections. */
export function closeConnections(world: World, index: number): void {
  for (const link of linksTo(world, index)) if (link.isConnected) cut(link);
}
