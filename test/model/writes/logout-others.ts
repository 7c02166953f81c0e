import {
  begin,
  finish,
  isFree,
  isLive,
  isUserFree,
  lockSession,
  nameOf,
  type Steps,
  written,
  wrong,
} from './model';
import { doom } from './ends';

/**
 * `logoutOthers`, in one statement. 0: it begins. 1: it locks the user, and compares the version as it is now with the
 * session of its snapshot. 2: it locks the session and judges it again; then it raises the version, carries the session
 * over and gives it a new salt. 3: it commits. What a raise or an end has overtaken is run again.
 */
export const logoutOthers =
  (kept: number): Steps =>
  (model, world, me, offer) => {
    const { keeps, scenario } = model;
    const name = nameOf(model, me);
    const { step, snapshot } = world.writers[me]!;
    const before = snapshot?.sessions[kept];
    const mayKeep = (row = before!) => isLive(row, { user: world.rows.user, fleet: snapshot!.fleet });
    const giveUp = (next: typeof world) => {
      const isOvertaken = isLive(before!, snapshot!);
      const runsAgain = isOvertaken && keeps('a logout of the others that was overtaken is run again');
      finish(next, me, false, runsAgain ? 0 : undefined);
      const row = next.rows.sessions[kept]!;
      if (!runsAgain && isLive(row, next.rows))
        wrong(next, 'a logout of the others is refused to a live session');
    };
    if (step === 0) offer(`${name} begins its statement`, (next) => begin(next, me, 1));
    if (step === 1 && isUserFree(world, me))
      offer(`${name} locks the user`, (next) => {
        next.userHeldBy = me;
        if (mayKeep()) next.writers[me]!.step = 2;
        else giveUp(next);
      });
    if (step === 2 && isFree(world.sessionsHeldBy[kept]!, me))
      offer(`${name} locks its session, raises the version and carries the session over`, (next) => {
        if (!mayKeep(next.rows.sessions[kept])) {
          giveUp(next);
          return;
        }
        const writer = next.writers[me]!;
        const row = lockSession(next, me, kept);
        written(next, writer).user = next.rows.user + 1;
        row.version = next.rows.user + 1;
        row.generation += 1;
        if (keeps('the session that is kept gets a new salt')) row.salt += 1;
        const { generation, salt, version, globalVersion } = row;
        writer.granted = { generation, salt, version, globalVersion, age: 0 };
        writer.step = 3;
      });
    if (step === 3)
      offer(`${name} commits and is acknowledged`, (next) => {
        finish(next, me, true);
        doom(next, kept);
        for (const [index, request] of scenario.requests.entries())
          if (request.does === 'refresh' && request.session === kept) next.writers[index]!.isStale = true;
      });
  };
