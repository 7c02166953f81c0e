import { momentOf, systemClock } from '../../src/core/clock';
import type { LogReader, LogStream, StreamEntry } from '../../src/core/ports/log-stream';
import { createKnownEpoch } from '../../src/protocol/epoch';
import { Upkeep } from '../../src/protocol/upkeep';
import { View } from '../../src/protocol/view';
import { eventually } from '../support/eventually';
import { logged } from '../support/protocol-node';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** An upkeep whose stream brings what the test hands over, and whose log is empty. */
function upkeepOf() {
  const left: string[] = [];
  let bring: (entries: StreamEntry[]) => void = () => undefined;
  const reader: LogReader = {
    readFrom: () => new Promise((resolve) => (bring = resolve)),
    reconnect: () => undefined,
  };
  const stream = {
    leave: (_epoch, node) => {
      left.push(node);
      return Promise.resolve();
    },
  } as Partial<LogStream> as LogStream;
  const view = new View(2, Date.now);
  const upkeep = new Upkeep(
    {
      stream,
      reader,
      reopen: () => undefined,
      epoch: createKnownEpoch(stream, systemClock),
      log: { eachLive: (part) => part([], 0), eachUnconfirmed: (part) => part([], 0) },
      view,
      usesView: true,
      take: (entry) => void view.apply(entry),
      clock: systemClock,
      logger: silent,
      lease: 60_000,
    },
    () => undefined,
    () => 900,
  );
  upkeep.join({ id: 'epoch', tail: 0, cursor: '0-0', filled: true, lease: undefined });
  const session = (position: number): StreamEntry => ({
    cursor: `${position}-0`,
    epochId: 'epoch',
    position,
    revocation: logged({ kind: 'SESSION', userId: 'U', sessionId: `S${position}` }),
  });
  return {
    upkeep,
    left,
    bring: (...positions: number[]) => bring(positions.map(session)),
    registered: () =>
      eventually(() => {
        expect(upkeep.toRegister).toBeDefined();
        return upkeep.toRegister!;
      }),
  };
}

const now = () => momentOf(systemClock);

test('a view is current once the tail that a heartbeat was told has been applied', async () => {
  const { upkeep, bring, registered } = upkeepOf();
  upkeep.answered(2, now(), await registered());
  expect(upkeep.isCurrent).toBe(false);
  bring(1);
  await eventually(() => expect(upkeep.position).toBe(1));
  expect(upkeep.isCurrent).toBe(false);
  bring(2);
  await eventually(() => expect(upkeep.isCurrent).toBe(true));
});

test.each<[string, number[]]>([
  ['a gap in the stream', [2]],
  ['more than the view may hold', [1, 2, 3]],
])('after %s, an answer to an earlier heartbeat does not make the view current', async (_what, positions) => {
  const { upkeep, left, bring, registered } = upkeepOf();
  const before = await registered();
  upkeep.answered(0, now(), before);
  expect(upkeep.isCurrent).toBe(true);
  bring(...positions);
  await eventually(() => expect(left).toEqual([before.node]));
  expect(upkeep.isCurrent).toBe(false);
  upkeep.join({ id: 'epoch', tail: 3, cursor: '3-0', filled: true, lease: undefined });
  const after = await registered();
  expect(after.node).not.toBe(before.node);
  upkeep.answered(3, now(), before);
  expect(upkeep.isCurrent).toBe(false);
  upkeep.answered(3, now(), after);
  expect(upkeep.isCurrent).toBe(true);
});
