import { bitOf, NOTHING } from '../state';
import { committedOf, eachConnection, leaseOf, type Model, type Moves, nameOf, spend } from './model';
import { type Connection, NO_BEAT, type Node, OVER, type World } from './state';

/**
 * The id under which the node numbers what it takes in. A follower may go on from a position only under the same id.
 */
export const idOf = ({ keeps }: Model, { run, joining }: Pick<Node, 'run' | 'joining'>): number => {
  if (!keeps('the numbers have a new id at each start')) return 1;
  return keeps('the numbers have a new id at each load') ? joining : run;
};

/** Whether the node counts on a grant of this connection. It may be closed. */
export const isCounted = ({ grantAge }: Connection): boolean => grantAge !== OVER;

/** Begins to send the view. What is taken in meanwhile follows, in order. */
function begin({ node }: World, connection: Connection): void {
  connection.begun = node.joining;
  connection.from = node.log.length;
  connection.content = node.view;
}

/** Forgets what the node has begun to send. */
const sendNothing = (connection: Connection) =>
  Object.assign(connection, { begun: 0, from: 0, content: NOTHING });

/** Whether the node has all that lies behind the position of this connection. */
const canGoOn = (model: Model, { node }: World, { loaded, id, position }: Connection): boolean =>
  loaded > 0 &&
  position <= node.log.length &&
  (id === idOf(model, node) || !model.keeps('a follower goes on in one epoch only'));

/** A follower opens its next connection. It may do this at any time. */
export const connect: Moves = (model, world, offer) => {
  const { node } = world;
  if (node.stage !== 'serving' && node.stage !== 'loading') return;
  for (const [follower, { connections, asleep }] of world.followers.entries()) {
    const number = connections.findIndex(({ stage }) => stage === 'unused');
    if (number === -1 || asleep) continue;
    const before = connections[number - 1];
    const name = nameOf(model, follower, number);
    const open = (next: World) => {
      const connection = next.followers[follower]!.connections[number]!;
      connection.stage = 'open';
      connection.isHeard = true;
      return connection;
    };
    offer(`${name} connects`, (next) => {
      const connection = open(next);
      if (node.stage === 'serving') begin(next, connection);
      else if (!model.keeps('a snapshot is sent after the load')) connection.begun = node.joining + 1;
    });
    if (node.stage === 'serving' && before && canGoOn(model, world, before))
      offer(`${name} connects, and goes on from position ${before.position}`, (next) => {
        const connection = open(next);
        begin(next, connection);
        connection.from = before.position;
        connection.content = NOTHING;
      });
  }
};

/** Answers a heartbeat: with a grant, if the view is current and the follower stands on it. */
export function answer({ keeps }: Model, { node }: World, connection: Connection): void {
  const { beat } = connection;
  const standsOnIt = beat.joining === node.joining || !keeps('positions belong to a snapshot');
  const isCurrent = node.stage === 'serving' || !keeps('only a current view grants');
  connection.beat = NO_BEAT;
  if (!isCurrent || !standsOnIt) return;
  const before = connection.reportedIn === node.joining ? connection.reported : 0;
  connection.reportedIn = node.joining;
  connection.reported = Math.max(before, beat.position);
  connection.grantAge = 0;
  connection.beat = { ...beat, stage: 'answered', position: node.log.length };
}

export const answerBeats: Moves = (model, world, offer) => {
  if (world.node.stage === 'down') return;
  eachConnection(world, ({ beat, isHeard, takeBack }, follower, number) => {
    // The connection is ordered: what was returned is heard before a later heartbeat.
    if (beat.stage !== 'sent' || !isHeard || takeBack === 'returned') return;
    offer(`the heartbeat of ${nameOf(model, follower, number)} is answered`, (next) => {
      answer(model, next, next.followers[follower]!.connections[number]!);
    });
  });
};

/** A grant is over: returned, or given up with a farewell. */
export const hearReturns: Moves = (model, world, offer) => {
  eachConnection(world, ({ stage, takeBack, isHeard }, follower, number) => {
    if (!isHeard) return;
    const name = nameOf(model, follower, number);
    if (takeBack === 'returned' || takeBack === 'returnedFirst')
      offer(`the node hears that ${name} has returned its grant`, (next) => {
        const connection = next.followers[follower]!.connections[number]!;
        if (takeBack === 'returned') connection.takeBack = 'none';
        connection.grantAge = OVER;
      });
    if (stage === 'farewell' || stage === 'farewellFirst')
      offer(`the node hears the farewell of ${name}`, (next) => {
        const connection = next.followers[follower]!.connections[number]!;
        if (stage === 'farewell') connection.stage = 'closed';
        close(connection);
        connection.grantAge = OVER;
      });
  });
};

/** The node gives up its view, and takes back what it has granted. */
function giveUpView(
  model: Model,
  next: World,
  rule:
    'a node that stops takes its grants back first' | 'the old grants are waited for after an overfull view',
): void {
  next.node.view = NOTHING;
  eachConnection(next, (connection) => {
    sendNothing(connection);
    if (isCounted(connection) && connection.isHeard) connection.takeBack = 'sent';
    if (!model.keeps(rule)) connection.grantAge = OVER;
  });
}

/** A start, a load of the log, an overfull view, a stop. */
export const live: Moves = (model, world, offer) => {
  const { keeps } = model;
  const { node, faults } = world;
  if (node.stage === 'down')
    offer('the node starts', ({ node: next }) => {
      Object.assign(next, { stage: 'loading', run: node.run + 1, age: 0, view: NOTHING, log: [] });
    });
  if (node.stage === 'loading')
    offer('the node loads the log', (next) => {
      next.node.stage = 'serving';
      next.node.view = committedOf(next);
      next.node.joining += 1;
      if (idOf(model, next.node) !== idOf(model, node)) next.node.log = [];
      eachConnection(next, (connection) => {
        if (!connection.isHeard || connection.begun > 0) return;
        // Without the rule, one that was told of an earlier load gets nothing.
        if (connection.reportedIn === 0 || keeps('each load begins its followers anew'))
          begin(next, connection);
        else connection.begun = next.node.joining;
      });
    });
  if (node.stage === 'serving' && faults.overfulls > 0)
    offer('the view is overfull, and given up', (next) => {
      spend(next, 'overfulls');
      next.node.stage = 'loading';
      giveUpView(model, next, 'the old grants are waited for after an overfull view');
    });
  if (node.stage === 'serving' && faults.stops > 0)
    offer('the node begins to stop: it gives up its view and takes back its grants', (next) => {
      spend(next, 'stops');
      next.node.stage = 'stopping';
      giveUpView(model, next, 'a node that stops takes its grants back first');
    });
  let mayEnd = node.stage === 'stopping';
  eachConnection(world, (connection) => (mayEnd &&= !isCounted(connection)));
  if (mayEnd) offer('the node ends', (next) => end(next));
  if (node.stage !== 'down' && faults.crashes > 0)
    offer('the node crashes', (next) => {
      spend(next, 'crashes');
      end(next);
    });
};

/** What the process knew is gone. What it has sent may still arrive. */
function end(next: World): void {
  next.node.stage = 'down';
  next.node.view = NOTHING;
  next.node.log = [];
  next.node.age = 0;
  eachConnection(next, (connection) => {
    close(connection);
    Object.assign(connection, { grantAge: OVER, reportedIn: 0, reported: 0 });
  });
  for (const revocation of next.revocations)
    if (revocation.stage !== 'none' && revocation.stage !== 'confirmed')
      Object.assign(revocation, { stage: 'left', joining: 0, position: 0, age: 0, noted: 0 });
}

/** Closes the node's end. The follower need not notice. */
export function close(connection: Connection): void {
  connection.isHeard = false;
  sendNothing(connection);
  if (connection.beat.stage === 'sent') connection.beat = NO_BEAT;
  if (connection.takeBack !== 'returnedFirst') connection.takeBack = 'none';
  if (connection.stage === 'farewell') connection.stage = 'closed';
}

/** A periodic load: it finds what was committed although the commit seemed to fail. */
export const loadAgain: Moves = (model, world, offer) => {
  const { node } = world;
  if (node.stage !== 'serving') return;
  for (const [number, { stage }] of world.revocations.entries()) {
    if (stage !== 'left' || (node.view & bitOf(number)) !== 0) continue;
    offer(`a load finds revocation ${number + 1}`, ({ node: next }) => {
      next.view |= bitOf(number);
      if (model.keeps('what a load finds is sent too')) next.log.push(number);
    });
  }
};

/** Ticks of the node's clock. */
export function growOld(model: Model, next: World): void {
  const lease = leaseOf(model);
  next.node.age = Math.min(next.node.age + (next.node.stage === 'down' ? 0 : 1), lease);
  for (const revocation of next.revocations)
    if (revocation.stage !== 'none' && revocation.stage !== 'left' && revocation.stage !== 'confirmed')
      revocation.age = Math.min(revocation.age + 1, lease);
  eachConnection(next, (connection) => {
    if (connection.grantAge === OVER) return;
    connection.grantAge += 1;
    if (connection.grantAge >= lease) connection.grantAge = OVER;
  });
}
