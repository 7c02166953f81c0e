import type { System } from '../explorer';
import { endSession, forceLogoutAll, login, logoutEverywhere, setRole } from './ends';
import { outlivesItsRevocation, passTime } from './log';
import { logoutOthers } from './logout-others';
import {
  bitOf,
  DONE,
  exists,
  isIn,
  isLive,
  type Model,
  type Request,
  startOf,
  type Steps,
  WRONGS,
} from './model';
import { refresh } from './refresh';
import { NONE, packWorld, unpackWorld, type World } from './state';

function stepsOf(request: Request): Steps {
  switch (request.does) {
    case 'refresh':
      return refresh(request.session);
    case 'login':
      return login(request.session);
    case 'logout':
      return endSession(request.session);
    case 'logoutEverywhere':
      return logoutEverywhere;
    case 'logoutOthers':
      return logoutOthers(request.session);
    case 'setRole':
      return setRole;
    case 'forceLogoutAll':
      return forceLogoutAll;
  }
}

const sessionOf = (request: Request) => ('session' in request ? request.session : NONE);

/** The promises of the writes. */
function brokenPromise(model: Model, world: World): string | undefined {
  const { rows, doomed, writers } = world;
  if (world.wrong !== NONE) return WRONGS[world.wrong];
  for (const [session, row] of rows.sessions.entries()) {
    if (!exists(row)) continue;
    if (isIn(doomed, session) && isLive(row, rows)) return `session ${session + 1} was ended, and lives`;
    if (!isIn(doomed, session) && !isLive(row, rows))
      return `session ${session + 1} is dead, and nobody has ended it`;
  }
  for (const [index, { granted, isAnswered }] of writers.entries()) {
    const session = sessionOf(model.scenario.requests[index]!);
    if (!granted || !isAnswered || !isIn(doomed, session)) continue;
    const isGood = granted.version === rows.user && granted.globalVersion === rows.fleet;
    if (isGood && rows.sessions[session]!.ended === 0)
      return `session ${session + 1} was ended, and a token of it is good`;
  }
  let isStuck = writers.some(({ step }) => step !== DONE);
  for (const [index, request] of model.scenario.requests.entries())
    stepsOf(request)(model, world, index, () => (isStuck = false));
  if (isStuck) return 'requests wait for each other';
  return outlivesItsRevocation(model, world) ? 'a token outlives its revocation in the log' : undefined;
}

/** Events that must be possible, so that the promises are not kept by inaction. */
export const SIGNS = [
  'a refresh succeeds',
  'a refresh is tried again',
  'a repetition gets the same successor',
  'a theft ends the session',
  'a session is carried over and refreshes',
  'a login lives on after it waited for a raise',
  'a granted token is dead when it arrives',
  'a session keeps living under a new salt',
  'an entry is confirmed by a relay',
] as const;

function signsOf(
  { scenario }: Model,
  { writers, rows, doomed }: World,
  what: string,
): (typeof SIGNS)[number][] {
  const signs: (typeof SIGNS)[number][] = [];
  if (what.startsWith('a relay')) signs.push('an entry is confirmed by a relay');
  for (const [index, { step, granted, isAnswered }] of writers.entries()) {
    const request = scenario.requests[index]!;
    const session = sessionOf(request);
    const isLiving = session !== NONE && isLive(rows.sessions[session]!, rows);
    if (request.does === 'login' && isAnswered && isLiving && rows.user > 1)
      signs.push('a login lives on after it waited for a raise');
    if (request.does === 'logoutOthers' && isAnswered && isLiving)
      signs.push('a session keeps living under a new salt');
    if (request.does !== 'refresh') continue;
    if (step === 6) signs.push('a theft ends the session');
    if (step === 0 && what.endsWith('looks why')) signs.push('a refresh is tried again');
    if (!granted || !isAnswered) continue;
    signs.push('a refresh succeeds');
    if (what.endsWith('looks why')) signs.push('a repetition gets the same successor');
    if (granted.version > 1 && isLiving && !isIn(doomed, session))
      signs.push('a session is carried over and refreshes');
    if (granted.version < rows.user) signs.push('a granted token is dead when it arrives');
  }
  return signs;
}

export function systemOf(model: Model): System<World> {
  return {
    start: startOf(model.scenario),
    pack: packWorld,
    unpack: unpackWorld,
    moves: (world, offer) => {
      for (const [index, request] of model.scenario.requests.entries())
        stepsOf(request)(model, world, index, offer);
      if (model.scenario.graceEnds)
        for (const session of world.rows.sessions.keys())
          if (!isIn(world.beyondGrace, session))
            offer(`the grace of session ${session + 1} ends`, (next) => {
              next.beyondGrace |= bitOf(session);
            });
      passTime(model, world, offer);
    },
    fault: (world) => brokenPromise(model, world),
    signs: (world, what) => signsOf(model, world, what),
  };
}
