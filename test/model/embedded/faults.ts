import { eachConnection, leaseOf, type Moves, nameOf, spend } from './model';
import { growOlder } from './follower';
import { close, growOld } from './node';
import { OVER } from './state';

const SLOW_CLOCK_LOSES_ONE_IN = 2;

/**
 * A pause needs no step: any process and any message may be passed over for any number of ticks. So a follower that dies,
 * or that does not notice that its connection is lost, needs none either.
 */
export const passTime: Moves = (model, world, offer) => {
  const { scenario, keeps } = model;
  offer('a tick passes', (next) => {
    if (scenario.slowClock) next.phase = (next.phase + 1) % SLOW_CLOCK_LOSES_ONE_IN;
    growOld(model, next);
    for (const [index, follower] of next.followers.entries()) {
      const losesTick = scenario.slowClock && index === 0 && next.phase === 0;
      // The monotonic clock may stop while the machine sleeps. The other clock goes on.
      if (!losesTick && (!follower.asleep || keeps('a follower counts by the larger of two clocks')))
        growOlder(model, follower);
    }
  });
  if (scenario.slowClock)
    offer(`the machine of the follower ${world.followers[0]!.asleep ? 'wakes' : 'falls asleep'}`, (next) => {
      next.followers[0]!.asleep = !next.followers[0]!.asleep;
    });
  if (world.faults.clockJumps > 0)
    offer('the wall clock of the node is set forward', (next) => {
      spend(next, 'clockJumps');
      if (keeps('the node waits for grants by the monotonic clock')) return;
      for (let ticks = leaseOf(model); ticks > 0; ticks -= 1) growOld(model, next);
    });
};

/** The node's end of a connection is closed. The follower need not notice. */
export const loseConnections: Moves = (model, world, offer) => {
  if (world.faults.lostConnections === 0) return;
  eachConnection(world, ({ isHeard }, follower, number) => {
    if (!isHeard) return;
    offer(`the node finds that the connection of ${nameOf(model, follower, number)} is lost`, (next) => {
      spend(next, 'lostConnections');
      const connection = next.followers[follower]!.connections[number]!;
      close(connection);
      if (!model.keeps('a follower is counted until its grant is over')) connection.grantAge = OVER;
    });
  });
};
