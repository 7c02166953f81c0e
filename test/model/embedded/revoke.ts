import { bitOf, holds } from '../state';
import { connectionsOf, type Model, type Moves, spend, waitOf } from './model';
import { isCounted } from './node';
import { type Connection, NOWHERE, type Revocation, type World } from './state';

/** The connections whose grants are not over, as bits. */
const counted = (world: World): number =>
  connectionsOf(world).reduce((bits, each, number) => (isCounted(each) ? bits | bitOf(number) : bits), 0);

export const commit: Moves = (model, world, offer) => {
  const number = world.revocations.findIndex(({ stage }) => stage === 'none');
  if (number === -1 || world.node.stage === 'down' || world.node.stage === 'stopping') return;
  offer(`revocation ${number + 1} is committed`, (next) => {
    next.revocations[number]!.stage = 'committed';
  });
  if (world.faults.lostCommits > 0)
    offer(`revocation ${number + 1} is committed, but the commit seems to fail`, (next) => {
      spend(next, 'lostCommits');
      next.revocations[number]!.stage = 'left';
    });
};

/**
 * Takes a revocation into the view, and hands it to the followers, in one step. One that was left by a crash or by a
 * commit that seemed to fail is found in the log, and taken in by a relay.
 */
export const takeIn: Moves = (model, world, offer) => {
  const { node } = world;
  if (node.stage === 'down') return;
  const looksFirst = !model.keeps('a revocation is taken in before the grants are looked at');
  for (const [number, { stage }] of world.revocations.entries()) {
    const name = `revocation ${number + 1}`;
    if (stage === 'left' && node.stage !== 'stopping')
      offer(`a relay finds ${name}`, (next) => {
        next.revocations[number]!.stage = 'committed';
      });
    if (looksFirst && stage === 'committed')
      offer(`the node looks who has grants, for ${name}`, (next) => {
        next.revocations[number]!.stage = 'looked';
        next.revocations[number]!.noted = counted(world);
      });
    if (stage !== (looksFirst ? 'looked' : 'committed')) continue;
    offer(`the node takes in ${name}`, (next) => {
      const isTold = node.stage === 'serving';
      if (isTold && !holds(node.view, number)) {
        next.node.view |= bitOf(number);
        next.node.log.push(number);
      }
      const revocation = next.revocations[number]!;
      revocation.stage = 'taken';
      revocation.joining = node.joining;
      revocation.position = isTold ? next.node.log.length : NOWHERE;
      if (model.keeps('W counts from taking the revocation in')) revocation.age = 0;
    });
  }
};

/** Whether the follower has reported that it has the revocation. A snapshot of a later load holds it too. */
const hasIt = ({ reportedIn, reported }: Connection, { joining, position }: Revocation): boolean =>
  reportedIn > joining || (reportedIn === joining && reported >= position);

/** Whether somebody has a grant and may lack the revocation. */
function isAwaited({ keeps }: Model, world: World, revocation: Revocation): boolean {
  if (!keeps('followers are counted')) return false;
  const asks = keeps('a revocation is taken in before the grants are looked at')
    ? counted(world)
    : counted(world) & revocation.noted;
  return connectionsOf(world).some((each, number) => holds(asks, number) && !hasIt(each, revocation));
}

const CONFIRMED: Revocation = { stage: 'confirmed', joining: 0, position: 0, age: 0, noted: 0 };

export const confirm: Moves = (model, world, offer) => {
  const wait = waitOf(model);
  const hasRunForW =
    world.node.age >= wait || !model.keeps('the node has run for W before a fast confirmation');
  for (const [index, revocation] of world.revocations.entries()) {
    if (revocation.stage !== 'taken') continue;
    const change = (next: World) => {
      next.revocations[index] = CONFIRMED;
    };
    if (hasRunForW && !isAwaited(model, world, revocation))
      offer(`revocation ${index + 1} is confirmed: all that have grants have it`, change);
    if (revocation.age >= wait) offer(`revocation ${index + 1} is confirmed: W is over`, change);
  }
};
