import type { Model, Moves } from '../model';
import type { Rule } from '../rules';
import type { Follower, Host, Lease, Link } from '../state-followers';
import { eachLink, renew } from './follower-lease';
import { loseFollower } from './grants';
import { beginConnection, canGoOn, cut } from './host';
import { followerName, nameOf } from './names';

/* What a follower does. Between a follower and a node there is one connection, which keeps the order. */

/** Connects to a node that follows. Otherwise the connection waits: it is like one that is made later. */
export const connect: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower, one) => {
    const { stage } = world.processes[index]!;
    const isReady =
      stage === 'following' || (stage === 'loading' && !model.keeps('a snapshot is sent after the load'));
    if (link.isConnected || !isReady || !model.scenario.roles[index]!.keepsView) return;
    if (one.asleep || world.processes[index]!.asleep) return;
    const others = one.links.filter(({ isConnected }) => isConnected).length;
    if (others > 0 && !model.scenario.followers![follower]!.moves) return;
    const how = canGoOn(model, world, index, follower) ? `, and goes on from ${one.from!.position}` : '';
    offer(`${followerName(model, follower)} connects to ${nameOf(model, index)}${how}`, (next) =>
      beginConnection(model, next, index, follower),
    );
  });
};

/** Applies what the node sent next. */
export const apply: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower, one) => {
    const [first] = link.sent;
    if (!first || one.asleep) return;
    const what = `${followerName(model, follower)} applies what ${nameOf(model, index)} sent, up to ${first.position}`;
    offer(what, (next) => {
      const reader = next.followers[follower]!;
      const read = reader.links[index]!;
      const { joining, id, entries, position, whole } = read.sent.shift()!;
      const isNew = joining !== read.joining;
      if (isNew && !model.keeps('a snapshot is added to the view')) reader.view = entries;
      else reader.view |= entries;
      if (isNew && read.granted) read.granted = undefined;
      read.joining = joining;
      read.id = id;
      read.position = position;
      read.isWhole = whole;
      if (model.scenario.goesOn && (whole || !model.keeps('a follower goes on from a whole snapshot only')))
        noteFrom(reader, id, position);
      renew(model, read);
    });
  });
};

function noteFrom(reader: Follower, id: number, position: number): void {
  if (reader.from?.id === id && reader.from.position >= position) return;
  reader.from = { id, position };
}

/** The node hears how far the follower has come. */
function hear(host: Host, follower: number, joining: number, position: number, isOld: boolean): void {
  for (const grant of host.grants)
    if (grant.follower === follower && grant.joining === joining && grant.isOld === isOld)
      grant.position = Math.max(grant.position, position);
}

const isNews = (host: Host, follower: number, joining: number, position: number, isOld: boolean): boolean =>
  host.grants.some(
    (grant) =>
      grant.follower === follower &&
      grant.joining === joining &&
      grant.isOld === isOld &&
      grant.position < position,
  );

/** An acknowledgement counts in the snapshot and for the connection by which it comes. */
export const acknowledge: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower, one, host) => {
    const name = followerName(model, follower);
    const ofSnapshot = (joining: number) =>
      model.keeps('positions belong to a snapshot') ? joining : host.joining;
    if (world.processes[index]!.asleep) return;
    if (link.isConnected && link.isWhole && !one.asleep) {
      const joining = ofSnapshot(link.joining);
      if (isNews(host, follower, joining, link.position, false))
        offer(`${nameOf(model, index)} hears that ${name} is at ${link.position}`, (next) =>
          hear(next.hosts[index]!, follower, joining, link.position, false),
        );
    }
    if (link.late) {
      const joining = ofSnapshot(link.late.joining);
      const isOld = model.keeps('positions belong to a connection');
      const { position } = link.late;
      offer(`${nameOf(model, index)} hears late that ${name} is at ${position}`, (next) => {
        next.followers[follower]!.links[index]!.late = undefined;
        hear(next.hosts[index]!, follower, joining, position, isOld);
      });
    }
  });
};

export const loseConnection: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower) => {
    if (!link.isConnected || !model.scenario.followers![follower]!.reconnects) return;
    offer(`${followerName(model, follower)} loses its connection to ${nameOf(model, index)}`, (next) => {
      const lost = next.followers[follower]!.links[index]!;
      if (model.scenario.latePositions && !lost.late && link.isWhole)
        lost.late = { joining: link.joining, position: link.position };
      cut(lost);
      loseFollower(model, next.hosts[index]!, follower);
    });
  });
};

/** Gives up what one join of the node granted, or all joins. */
function giveUp({ keeps }: Model, link: Link, joining?: number): void {
  const isIt = (lease: Pick<Lease, 'joining'> | undefined) =>
    lease !== undefined && (joining === undefined || lease.joining === joining);
  const isEnded = !link.lease?.seemsOver || keeps('a lease is ended, not only found over');
  if (isIt(link.lease) && isEnded) link.lease = undefined;
  if (isIt(link.granted)) link.granted = undefined;
  // An answer that is still under way does not count. The connection keeps the order, so there is none in fact.
  if (isIt(link.beat) && keeps('what was given back is not granted again')) link.beat = undefined;
}

const GIVEN_UP_FIRST: Rule = 'a follower gives up its lease before its farewell';

/** A follower leaves a node with a farewell. */
export const sayFarewell: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower, one) => {
    const { leaves, moves } = model.scenario.followers![follower]!;
    const elsewhere = one.links.some((other) => other !== link && other.isConnected);
    if (!link.isConnected || one.asleep || !(leaves || (moves && elsewhere))) return;
    offer(`${followerName(model, follower)} says farewell to ${nameOf(model, index)}`, (next) => {
      const left = next.followers[follower]!.links[index]!;
      if (model.keeps(GIVEN_UP_FIRST)) giveUp(model, left);
      cut(left);
      const host = next.hosts[index]!;
      host.grants = host.grants.filter((grant) => grant.follower !== follower || grant.isOld);
    });
  });
};

/** A node that gave up its view takes its grants back. The follower gives up what this join of the node granted. */
export const giveBack: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower, one, host) => {
    const { stage } = world.processes[index]!;
    if (!link.isConnected || one.asleep) return;
    for (const { joining, ...grant } of host.grants) {
      const isTakenBack = joining < host.joining || stage === 'away' || stage === 'leaving';
      if (grant.follower !== follower || grant.isOld || !isTakenBack) continue;
      const name = followerName(model, follower);
      offer(`${name} gives back what join ${joining} of ${nameOf(model, index)} granted`, (next) => {
        if (model.keeps(GIVEN_UP_FIRST)) giveUp(model, next.followers[follower]!.links[index]!, joining);
        const freed = next.hosts[index]!;
        freed.grants = freed.grants.filter(
          (other) => other.follower !== follower || other.joining !== joining || other.isOld,
        );
      });
    }
  });
};
