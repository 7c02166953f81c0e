import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock';
import type { Node, Publication } from '../../src/core/ports/log-stream';
import { createWatchNodes } from '../../src/protocol/watch-nodes';
import { eventually } from '../support/eventually';

const WAIT = 150;

const at = (position: number, count: number): Node => ({ position, beat: `${position}:${count}` });

/** A registry that the test changes, watched for publications of the epoch `E`. */
function fleet(registered: Record<string, Node>, { isSettled = true } = {}) {
  const registry = new Map(Object.entries(registered));
  const looks: string[][] = [];
  const removed = new Map<string, string>();
  const outcomes: string[] = [];
  let hasEnded = false;
  const watchNodes = createWatchNodes({
    stream: {
      nodes: (_epoch, names) => {
        looks.push([...names].sort());
        const found = names.flatMap((name) => {
          const node = registry.get(name);
          return node ? [[name, node] as const] : [];
        });
        return Promise.resolve(hasEnded ? 'STALE' : new Map(found));
      },
      remove: (_epoch, beats) => {
        for (const [name, beat] of beats) removed.set(name, beat);
        return Promise.resolve();
      },
    },
    epoch: { get: () => Promise.reject(new Error()), isKnownFor: () => isSettled, ended: () => undefined },
    wait: WAIT,
    clock: systemClock,
  });
  return {
    looks,
    removed,
    outcomes,
    beat: (name: string, position: number, count: number) => void registry.set(name, at(position, count)),
    leave: (name: string) => void registry.delete(name),
    end: () => (hasEnded = true),
    /** Publishes the position, and watches from now on. */
    publish: (position: number) => {
      const publication: Publication = { epochId: 'E', position, nodes: new Map(registry) };
      watchNodes({
        publication,
        answeredAt: systemClock.monotonic(),
        confirm: (way) => void outcomes.push(`${position} ${way}`),
        fail: () => void outcomes.push(`${position} failed`),
        repeat: () => void outcomes.push(`${position} to be repeated`),
      });
    },
    looked: async (times = 2) => {
      const before = looks.length;
      await eventually(() => expect(looks.length).toBeGreaterThanOrEqual(before + times));
    },
  };
}

test('the node that lags alone holds the confirmation, and is alone asked for', async () => {
  const { publish, beat, looks, looked, outcomes, removed } = fleet({
    A: at(0, 1),
    B: at(0, 2),
    C: at(0, 3),
  });
  publish(1);
  await looked(1);
  expect(looks[0]).toEqual(['A', 'B', 'C']);
  beat('A', 1, 4);
  beat('C', 1, 5);
  await looked();
  expect(looks.at(-1)).toEqual(['B']);
  expect(outcomes).toEqual([]);
  beat('B', 1, 6);
  await eventually(() => expect(outcomes).toEqual(['1 applied']));
  expect(removed).toEqual(new Map());
});

test('each publication waits for the nodes that lag behind it', async () => {
  const { publish, beat, looked, outcomes } = fleet({ A: at(0, 1), B: at(0, 2) });
  publish(1);
  publish(2);
  beat('A', 2, 3);
  beat('B', 1, 4);
  await eventually(() => expect(outcomes).toEqual(['1 applied']));
  await looked();
  expect(outcomes).toEqual(['1 applied']);
  beat('B', 2, 5);
  await eventually(() => expect(outcomes).toEqual(['1 applied', '2 applied']));
});

test('no confirmation waits for a node that left, or that registered after the publication', async () => {
  const { publish, beat, leave, looked, outcomes } = fleet({ A: at(0, 1), B: at(0, 2) });
  publish(1);
  beat('late', 0, 3);
  beat('A', 1, 4);
  await looked();
  expect(outcomes).toEqual([]);
  leave('B');
  await eventually(() => expect(outcomes).toEqual(['1 applied']));
});

test('after the wait, a silent node is removed by its last heartbeat; one that only lags stays', async () => {
  const { publish, beat, outcomes, removed } = fleet({ silent: at(0, 1), slow: at(0, 2), fast: at(0, 3) });
  publish(1);
  beat('slow', 0, 4);
  beat('fast', 1, 5);
  await sleep(WAIT / 2);
  expect(outcomes).toEqual([]);
  await eventually(() => expect(outcomes).toEqual(['1 outwaited']));
  await eventually(() => expect(removed).toEqual(new Map([['silent', '0:1']])));
});

test('in an epoch that is not known for long, every confirmation takes the wait', async () => {
  const { publish, beat, looks, outcomes, removed } = fleet({ A: at(0, 1) }, { isSettled: false });
  publish(1);
  beat('A', 1, 2);
  await sleep(WAIT / 2);
  expect(outcomes).toEqual([]);
  await eventually(() => expect(outcomes).toEqual(['1 outwaited']));
  expect(looks.at(-1)).toEqual([]);
  expect(removed).toEqual(new Map());
});

test('a publication whose epoch ended is repeated, although no node lags', async () => {
  const { publish, end, outcomes } = fleet({}, { isSettled: false });
  publish(1);
  end();
  await eventually(() => expect(outcomes).toEqual(['1 to be repeated']));
});
