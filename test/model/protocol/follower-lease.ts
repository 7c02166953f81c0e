import type { Model, Moves } from '../model';
import type { World } from '../state';
import type { Follower, FollowerBeat, Host, Link } from '../state-followers';
import { count, grantable, shrink } from './grants';
import { followerName, nameOf } from './names';

/* The lease of a follower. */

export const followerIsCurrent = ({ links }: Follower): boolean =>
  links.some(({ lease }) => lease?.seemsOver === false);

/** Calls for each connection that could be. */
export function eachLink(
  world: World,
  call: (link: Link, index: number, follower: number, one: Follower, host: Host) => void,
): void {
  for (const [follower, one] of world.followers.entries())
    for (const [index, link] of one.links.entries())
      if (world.hosts[index]!.joining > 0 || world.processes[index]!.id > 0)
        call(link, index, follower, one, world.hosts[index]!);
}

/** A grant counts when what the node had applied has been applied. */
export function renew({ keeps }: Model, link: Link): void {
  const { granted, lease } = link;
  if (!granted || !link.isWhole || granted.joining !== link.joining) return;
  if (link.position < granted.tail && keeps('a grant counts when its tail was applied')) return;
  const { joining, left } = granted;
  if (!lease || lease.seemsOver || left >= lease.left) link.lease = { joining, left, seemsOver: false };
  link.granted = undefined;
}

/** A heartbeat: the stamp, the join that it stands on, its position. */
export const beat: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower, one) => {
    const isReady = link.isConnected && link.isWhole && !link.beat && !one.asleep;
    if (!isReady) return;
    const { joining, position } = link;
    const sent: FollowerBeat = { stage: 'sent', joining, position, age: 0, grant: 0, tail: 0 };
    const name = followerName(model, follower);
    if (model.scenario.slowGrants) {
      offer(`${name} stamps its clock and sends a heartbeat at position ${position}`, (next) => {
        next.followers[follower]!.links[index]!.beat = sent;
      });
      return;
    }
    if (!isGranted(model, world, index, link, sent)) return;
    offer(`${nameOf(model, index)} grants a lease to ${name} at position ${position}`, (next) => {
      const asked = next.followers[follower]!.links[index]!;
      asked.beat = sent;
      grant(model, next, index, follower);
      take(model, asked);
    });
  });
};

function isGranted(model: Model, world: World, index: number, link: Link, sent: FollowerBeat): boolean {
  const process = world.processes[index]!;
  const isOnIt = sent.joining === link.begun || !model.keeps('positions belong to a snapshot');
  const isBegun = link.begun === world.hosts[index]!.joining;
  return isOnIt && isBegun && !process.asleep && shrink(model, grantable(model, process)) > 0;
}

/** The node notes the position, counts the follower, and answers. */
function grant(model: Model, world: World, index: number, follower: number): void {
  const process = world.processes[index]!;
  const host = world.hosts[index]!;
  const { beat } = world.followers[follower]!.links[index]!;
  const left = grantable(model, process);
  count(host, follower, beat!.position, left);
  beat!.stage = 'answered';
  beat!.grant = shrink(model, left);
  beat!.tail = process.position;
}

function take(model: Model, link: Link): void {
  const { joining, age, grant, tail } = link.beat!;
  link.beat = undefined;
  const left = grant - (model.keeps('a grant counts from the stamp') ? age : 0);
  if (left <= 0) return;
  link.granted = { joining, left, tail };
  renew(model, link);
}

/** Heartbeats and answers that take time. */
export const exchange: Moves = (model, world, offer) => {
  eachLink(world, (link, index, follower, one) => {
    const { beat } = link;
    if (!beat) return;
    const name = followerName(model, follower);
    if (beat.stage === 'sent') {
      if (isGranted(model, world, index, link, beat))
        offer(`the heartbeat of ${name} arrives, and ${nameOf(model, index)} grants a lease`, (next) =>
          grant(model, next, index, follower),
        );
      else if (!world.processes[index]!.asleep)
        offer(`the heartbeat of ${name} arrives, and is granted nothing`, (next) => {
          next.followers[follower]!.links[index]!.beat = undefined;
        });
    } else if (!one.asleep)
      offer(`${name} hears of a grant, and that the tail was ${beat.tail}`, (next) =>
        take(model, next.followers[follower]!.links[index]!),
      );
  });
};
