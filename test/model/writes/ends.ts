import {
  begin,
  bitOf,
  DONE,
  exists,
  finish,
  isFree,
  isLive,
  isUserFree,
  lockSession,
  nameOf,
  type Steps,
  written,
} from './model';
import type { Session, World } from './state';

/** Notes what the request that is now acknowledged has ended: every session that there is, but one. */
export function doom(next: World, spared?: number): void {
  for (const [session, row] of next.rows.sessions.entries())
    if (exists(row) && session !== spared) next.doomed |= bitOf(session);
}

/** `logout`, `logoutSession` and theft. 0: the statement begins. 1: it waits for the row. 2: it commits. */
export const endSession =
  (session: number, first = 0): Steps =>
  ({ keeps, ...model }, world, me, offer) => {
    const name = nameOf({ keeps, ...model }, me);
    const { step, snapshot } = world.writers[me]!;
    const mayEnd = (row = snapshot!.sessions[session]!) =>
      row.ended === 0 &&
      (keeps('a session is ended however it stands with the versions') || isLive(row, snapshot!));
    const nothingToEnd = (next: World) => {
      finish(next, me, false);
      next.doomed |= bitOf(session);
    };
    if (step === first) offer(`${name} begins to end the session`, (next) => begin(next, me, first + 1));
    if (step === first + 1 && !mayEnd())
      offer(`${name} finds that the session has ended, and is acknowledged`, nothingToEnd);
    else if (step === first + 1 && isFree(world.sessionsHeldBy[session]!, me))
      offer(`${name} locks the session and judges it again`, (next) => {
        if (!mayEnd(next.rows.sessions[session])) {
          nothingToEnd(next);
          return;
        }
        lockSession(next, me, session).ended = 1;
        next.writers[me]!.step = first + 2;
      });
    if (step === first + 2)
      offer(`${name} commits and is acknowledged`, (next) => {
        finish(next, me, true);
        next.doomed |= bitOf(session);
      });
  };

/** Raises the version of the row as it is: a raise that was waited for is not undone. */
function raise(next: World, me: number, fromSnapshot: boolean): void {
  const writer = next.writers[me]!;
  written(next, writer).user = (fromSnapshot ? writer.snapshot! : next.rows).user + 1;
  next.userHeldBy = me;
}

/** `logoutEverywhere`. 0: the statement begins. 1: it waits for the user. 2: it commits. */
export const logoutEverywhere: Steps = (model, world, me, offer) => {
  const name = nameOf(model, me);
  const { step } = world.writers[me]!;
  if (step === 0) offer(`${name} begins its statement`, (next) => begin(next, me, 1));
  if (step === 1 && isUserFree(world, me))
    offer(`${name} locks the user and raises the version`, (next) => {
      raise(next, me, !model.keeps('a raise counts from the row as it is'));
      if (model.scenario.time) next.entry = { stage: 'written', age: 0 };
      next.writers[me]!.step = 2;
    });
  if (step === 2)
    offer(`${name} commits${model.scenario.time ? '' : ' and is acknowledged'}`, (next) => {
      finish(next, me, true);
      if (model.scenario.time) next.entry.stage = 'committed';
      doom(next);
    });
};

/** `setRole`. 0: it locks the user. 1: its statement begins. 2: it raises the version. 3: it carries over. 4: it commits. */
export const setRole: Steps = (model, world, me, offer) => {
  const { keeps } = model;
  const name = nameOf(model, me);
  const { step, snapshot, written: mine } = world.writers[me]!;
  const locksFirst = keeps('the user is locked before sessions are carried over');
  if (step === 0 && (!locksFirst || isUserFree(world, me)))
    offer(`${name} ${locksFirst ? 'locks the user' : 'does not lock the user'}`, (next) => {
      if (locksFirst) next.userHeldBy = me;
      next.writers[me]!.step = 1;
    });
  if (step === 1) offer(`${name} begins its statement`, (next) => begin(next, me, 2));
  if (step === 2 && isUserFree(world, me))
    offer(`${name} raises the version`, (next) => {
      raise(next, me, false);
      next.writers[me]!.step = 3;
    });
  if (step === 3) {
    const mayCarry = (row: Session) =>
      exists(row) &&
      row.ended === 0 &&
      (row.version === mine!.user - 1 || !keeps('only what lived under the version before is carried over'));
    const left = snapshot!.sessions.flatMap((row, session) =>
      mayCarry(row) && world.sessionsHeldBy[session] !== me ? [session] : [],
    );
    for (const session of left) {
      if (!isFree(world.sessionsHeldBy[session]!, me)) continue;
      offer(`${name} waits for session ${session + 1} and carries it over`, (next) => {
        // One that ended meanwhile stays as it is, under the lock.
        const row = lockSession(next, me, session);
        if (mayCarry(row)) row.version = mine!.user;
      });
    }
    if (left.length === 0)
      offer(`${name} has carried over what lives on`, (next) => {
        next.writers[me]!.step = 4;
      });
  }
  if (step === 4) offer(`${name} commits and is acknowledged`, (next) => finish(next, me, true));
};

/** `forceLogoutAll`. 0: it locks the row of the fleet. 1: it commits. A login under way may be among the ended. */
export const forceLogoutAll: Steps = (model, world, me, offer) => {
  const name = nameOf(model, me);
  const { step } = world.writers[me]!;
  if (step === 0 && isFree(world.fleetHeldBy, me))
    offer(`${name} raises the global version`, (next) => {
      written(next, next.writers[me]!).fleet = next.rows.fleet + 1;
      next.fleetHeldBy = me;
      next.writers[me]!.step = 1;
    });
  if (step === 1)
    offer(`${name} commits and is acknowledged`, (next) => {
      finish(next, me, true);
      doom(next);
      for (const [index, request] of model.scenario.requests.entries())
        if (request.does === 'login' && ![0, DONE].includes(next.writers[index]!.step))
          next.doomed |= bitOf(request.session);
    });
};

/** 0: the statement begins. 1: it locks the user, as the row is then. 2: it commits. */
export const login =
  (session: number): Steps =>
  (model, world, me, offer) => {
    const name = nameOf(model, me);
    const { step, snapshot } = world.writers[me]!;
    const locks = model.keeps('a login locks the user');
    if (step === 0) offer(`${name} begins its statement`, (next) => begin(next, me, 1));
    if (step === 1 && (!locks || isUserFree(world, me)))
      offer(`${name} ${locks ? 'locks' : 'reads'} the user and starts a session`, (next) => {
        if (locks) next.userHeldBy = me;
        const row = lockSession(next, me, session);
        row.version = (locks ? next.rows : snapshot!).user;
        row.globalVersion = snapshot!.fleet;
        const { generation, salt, version, globalVersion } = row;
        next.writers[me]!.granted = { generation, salt, version, globalVersion, age: 0 };
        next.writers[me]!.step = 2;
      });
    if (step === 2) offer(`${name} commits and is answered`, (next) => finish(next, me, true));
  };
