import type { Offer } from '../explorer';
import { DONE, type Model } from './model';
import type { World } from './state';

/**
 * Time passes in ticks, and steps happen between two of them. A token lives for one tick, from the clock of its
 * statement. A statement is cancelled after one tick, but not its commit, which may wait for a replica. A node waits for
 * an answer for one tick.
 */
const LIFE = 1;
const TIMEOUT = 1;
const PATIENCE = 1;
/** What an entry is kept beyond the life of a token. */
const SLACK = TIMEOUT + PATIENCE;

/** Greater ages make no difference. */
const MOST = LIFE + SLACK + 1;
const older = (age: number) => Math.min(age + 1, MOST);

const keptFor = ({ keeps }: Model) =>
  LIFE + (keeps('an entry is kept for longer than a token lives') ? SLACK : 0);

/** Whether the copies of the log may lack the entry, because no token of before should live. */
const isForgotten = (model: Model, { entry: { stage, age } }: World) =>
  age > keptFor(model) &&
  (stage === 'confirmed' ||
    (stage === 'committed' && !model.keeps('the life of an entry counts from its confirmation')));

export function passTime(model: Model, world: World, offer: Offer<World>): void {
  if (!model.scenario.time) return;
  offer('a tick passes', (next) => {
    if (next.entry.stage !== 'none') next.entry.age = older(next.entry.age);
    for (const [index, writer] of next.writers.entries()) {
      if (writer.granted) writer.granted.age = older(writer.granted.age);
      const isRefresh = model.scenario.requests[index]!.does === 'refresh';
      if (!isRefresh || writer.step !== 1) continue;
      writer.age += 1;
      if (writer.age > TIMEOUT) Object.assign(writer, { step: DONE, snapshot: undefined, age: 0 });
    }
  });
  if (world.entry.stage === 'committed')
    offer(
      world.entry.age <= PATIENCE
        ? 'its node publishes and confirms the entry'
        : 'a relay confirms the entry',
      (next) => {
        const isRelayed = next.entry.age > PATIENCE;
        if (isRelayed && model.keeps('the life of an entry counts from its confirmation')) next.entry.age = 0;
        next.entry.stage = 'confirmed';
      },
    );
}

/** Whether a token lives that the entry refuses, while the copies of the log have forgotten the entry. */
export const outlivesItsRevocation = (model: Model, world: World): boolean =>
  isForgotten(model, world) &&
  world.writers.some(
    ({ granted, isAnswered }) =>
      granted !== undefined && isAnswered && granted.age <= LIFE && granted.version < world.rows.user,
  );
