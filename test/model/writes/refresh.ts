import {
  begin,
  bitOf,
  DONE,
  exists,
  finish,
  isFree,
  isIn,
  lockSession,
  type Model,
  nameOf,
  type Steps,
  wrong,
} from './model';
import { endSession } from './ends';
import type { Granted, Rows, Session, World } from './state';

type Versions = Pick<Rows, 'user' | 'fleet'>;

const livesFor = ({ keeps }: Model, row: Session, { user, fleet }: Versions) =>
  exists(row) &&
  row.ended === 0 &&
  (row.version === user || !keeps('a refresh compares the versions of session and user')) &&
  (row.globalVersion === fleet || !keeps('a refresh compares the global versions'));

const tokensOf = ({ generation, salt }: Session, { user, fleet }: Versions): Granted => ({
  generation,
  salt,
  version: user,
  globalVersion: fleet,
  age: 0,
});

/** Whether the token may no longer be exchanged: its successor was, or the grace has passed. */
const isOld = (world: World, session: number, presented: number) => {
  const { generation } = world.rows.sessions[session]!;
  return presented < generation - 1 || (presented === generation - 1 && isIn(world.beyondGrace, session));
};

/** Gives the client its tokens. It may use them once more. */
function answer(model: Model, next: World, me: number): void {
  const writer = next.writers[me]!;
  const granted = writer.granted!;
  if (granted.generation !== writer.token.generation + 1)
    wrong(next, 'one token has two different successors');
  if (writer.isStale) wrong(next, 'a token of before a logout of the others is exchanged');
  writer.uses += 1;
  const request = model.scenario.requests[me]!;
  const times = 'times' in request ? request.times : undefined;
  if (writer.uses >= (times ?? 1)) return;
  writer.step = 0;
  writer.token = { generation: granted.generation, salt: granted.salt };
}

/**
 * A refresh. 0: the statement `rotate` begins. 1: it finds the row, waits for it, and judges it again beside the user
 * of its snapshot. 2: it commits. 3: it has changed nothing, so `look` reads why. 4 to 6: it ends the session.
 */
export const refresh =
  (session: number): Steps =>
  (model, world, me, offer) => {
    const { keeps } = model;
    const name = nameOf(model, me);
    const { step, snapshot, token } = world.writers[me]!;
    const mayRotate = (row: Session, seen: Versions) =>
      livesFor(model, row, seen) &&
      row.salt === token.salt &&
      (row.generation === token.generation || !keeps('a refresh compares the generation'));

    if (step === 0) offer(`${name} begins its statement`, (next) => begin(next, me, 1));
    if (step === 1 && !mayRotate(snapshot!.sessions[session]!, snapshot!))
      offer(`${name} finds nothing to rotate`, (next) => finish(next, me, false, 3));
    else if (step === 1 && isFree(world.sessionsHeldBy[session]!, me))
      offer(`${name} locks its session and judges it again`, (next) => {
        if (!mayRotate(next.rows.sessions[session]!, snapshot!)) {
          finish(next, me, false, 3);
          return;
        }
        const row = lockSession(next, me, session);
        row.generation += 1;
        next.writers[me]!.granted = tokensOf(row, snapshot!);
        next.writers[me]!.step = 2;
      });
    if (step === 2)
      offer(`${name} commits and is answered`, (next) => {
        finish(next, me, true);
        next.beyondGrace &= ~bitOf(session);
        const { granted } = next.writers[me]!;
        if (!keeps('a token carries the versions that its statement read'))
          Object.assign(granted!, { version: next.rows.user, globalVersion: next.rows.fleet });
        answer(model, next, me);
      });
    if (step === 3) offer(`${name} looks why`, (next) => look(model, next, me, session));
    if (step > 3 && step < DONE) endSession(session, 4)(model, world, me, offer);
  };

function look(model: Model, next: World, me: number, session: number): void {
  const { keeps, scenario } = model;
  const writer = next.writers[me]!;
  const row = next.rows.sessions[session]!;
  const refuse = () => {
    writer.step = DONE;
  };
  if (row.salt !== writer.token.salt || !livesFor(model, row, next.rows)) {
    refuse();
    return;
  }
  if (row.generation === writer.token.generation) {
    if (keeps('a mismatch that a fresh look does not find is tried again')) writer.step = 0;
    else {
      wrong(next, 'a refresh of a live session is refused');
      refuse();
    }
    return;
  }
  const isBefore = row.generation - 1 === writer.token.generation && !isIn(next.beyondGrace, session);
  const isRepeated = isBefore && keeps('the token before is answered again within the grace');
  if (isRepeated || !keeps('an older token is a theft')) {
    if (isOld(next, session, writer.token.generation)) wrong(next, 'an old token is exchanged');
    else {
      writer.granted = { ...tokensOf(row, next.rows) };
      writer.isAnswered = true;
      writer.step = DONE;
      answer(model, next, me);
    }
    return;
  }
  const hasThief = scenario.requests.some((request) => request.does === 'refresh' && request.steals);
  if (!hasThief) wrong(next, 'a client that repeats a refresh within the grace is taken for a thief');
  writer.step = 4;
}
