import { bitOf } from '../state';
import { grantOf, type Model, type Moves, nameOf } from './model';
import { answer, idOf } from './node';
import { type Connection, type Follower, NO_BEAT, OVER, type World } from './state';

/** Counts a grant once its tail was applied. */
function renew({ keeps }: Model, connection: Connection): void {
  const { awaitedAge, awaitedTail, leaseAge, position } = connection;
  if (awaitedAge === OVER || (position < awaitedTail && keeps('a grant counts when its tail was applied')))
    return;
  if (leaseAge === OVER || awaitedAge < leaseAge) connection.leaseAge = awaitedAge;
  forgetTail(connection);
}

function forgetTail(connection: Connection): void {
  connection.awaitedAge = OVER;
  connection.awaitedTail = 0;
}

/** Gives up all that was granted over this connection. Later answers that were granted before do not count. */
function giveUp(connection: Connection): void {
  forgetTail(connection);
  connection.leaseAge = OVER;
  connection.loaded = 0;
}

type Change = (mine: Connection, follower: Follower, next: World) => void;
type Say = (what: string, change: Change) => void;
type Steps = (model: Model, world: World, connection: Connection, say: Say) => void;

/** Offers the steps of each follower that is awake, on each connection that it has opened. */
const onEach =
  (steps: Steps): Moves =>
  (model, world, offer) => {
    for (const [follower, { connections, asleep }] of world.followers.entries())
      for (const [number, connection] of connections.entries()) {
        if (asleep || connection.stage === 'unused' || connection.stage === 'closed') continue;
        steps(model, world, connection, (what, change) =>
          offer(`${nameOf(model, follower, number)} ${what}`, (next) => {
            const mine = next.followers[follower]!;
            change(mine.connections[number]!, mine, next);
          }),
        );
      }
  };

/** Adds the snapshot to the view: so the leases stay good. */
const load: Steps = ({ keeps, ...model }, { node }, connection, say) => {
  const { stage, isHeard, begun, content, loaded, takeBack } = connection;
  // The connection is ordered: what was taken back before the snapshot is given up before it.
  if (stage !== 'open' || !isHeard || begun === 0 || begun === loaded || takeBack === 'sent') return;
  say('loads the snapshot', (mine, follower) => {
    if (keeps('a snapshot is added to the view')) follower.view |= content;
    else follower.view = content;
    mine.loaded = begun;
    mine.id = idOf({ keeps, ...model }, node);
    mine.position = mine.from;
    forgetTail(mine);
  });
};

const follow: Steps = (model, { node }, { stage, isHeard, begun, loaded, position }, say) => {
  const entry = node.log[position];
  if (stage !== 'open' || !isHeard || begun === 0 || begun !== loaded || entry === undefined) return;
  say(`applies entry ${position + 1}`, (mine, follower) => {
    follower.view |= bitOf(entry);
    mine.position += 1;
    renew(model, mine);
  });
};

/** Stamps, then sends. Heartbeats that get no answer are left out. */
const beat: Steps = (model, world, connection, say) => {
  const { stage, isHeard, loaded, position, takeBack } = connection;
  if (stage !== 'open' || !isHeard || loaded === 0 || connection.beat.stage !== 'none') return;
  if (takeBack === 'returned' && !model.scenario.late) return;
  say(`stamps its clock and sends a heartbeat at position ${position}`, (mine, follower, next) => {
    mine.beat = { stage: 'sent', joining: loaded, position, age: 0 };
    if (model.scenario.late) return;
    answer(model, next, mine);
    if (mine.beat.stage === 'answered') hearAnswer(model, mine);
  });
};

function hearAnswer(model: Model, mine: Connection): void {
  const { beat: heard, loaded } = mine;
  const age = model.keeps('a grant counts from the stamp') ? heard.age : 0;
  mine.beat = NO_BEAT;
  if (age >= grantOf(model) || (heard.joining !== loaded && model.keeps('positions belong to a snapshot')))
    return;
  mine.awaitedAge = age;
  mine.awaitedTail = heard.position;
  renew(model, mine);
}

const hear: Steps = (model, world, { stage, beat: heard }, say) => {
  if (stage === 'open' && heard.stage === 'answered')
    say(`hears that it has a grant, with the tail ${heard.position}`, (mine) => hearAnswer(model, mine));
};

/** Gives up what was granted over a connection, then says so. */
const leave: Steps = ({ scenario, keeps }, world, connection, say) => {
  const { stage, isHeard, takeBack } = connection;
  const inOrder = keeps('a follower gives up its lease before its farewell');
  if (stage === 'open' && takeBack === 'sent')
    say(inOrder ? 'gives up its grant and returns it' : 'returns its grant', (mine) => {
      if (inOrder) giveUp(mine);
      mine.takeBack = inOrder ? 'returned' : 'returnedFirst';
    });
  if (takeBack === 'returnedFirst')
    say('gives up its grant', (mine) => {
      giveUp(mine);
      mine.takeBack = isHeard ? 'returned' : 'none';
    });
  if (stage === 'open' && scenario.leaves && takeBack === 'none' && isHeard)
    say(inOrder ? 'gives up its grant and says farewell' : 'says farewell', (mine) => {
      if (inOrder) giveUp(mine);
      mine.beat = NO_BEAT;
      mine.stage = inOrder ? 'farewell' : 'farewellFirst';
    });
  if (stage === 'farewellFirst')
    say('gives up its grant', (mine) => {
      giveUp(mine);
      mine.stage = isHeard ? 'farewell' : 'closed';
    });
};

export const followers: readonly Moves[] = [load, follow, beat, hear, leave].map(onEach);

/** A tick of a follower's clock. */
export function growOlder(model: Model, { connections }: Follower): void {
  const grant = grantOf(model);
  const older = (age: number) => (age === OVER || age + 1 >= grant ? OVER : age + 1);
  for (const connection of connections) {
    connection.leaseAge = older(connection.leaseAge);
    connection.awaitedAge = older(connection.awaitedAge);
    if (connection.awaitedAge === OVER) connection.awaitedTail = 0;
    if (connection.beat.stage !== 'none') connection.beat.age = Math.min(connection.beat.age + 1, grant);
  }
}
