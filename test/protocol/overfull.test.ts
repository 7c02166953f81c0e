import { setTimeout as sleep } from 'node:timers/promises';
import type { VerifiedToken } from '../../src/core/claims';
import { untold } from '../../src/core/availability';
import { systemClock } from '../../src/core/clock';
import type { LogReader, LogStream, StreamEntry } from '../../src/core/ports/log-stream';
import type { EachPart } from '../../src/core/ports/truth';
import type { LoggedRevocation } from '../../src/core/revocation';
import { createEmbeddedSource } from '../../src/protocol/embedded';
import { createKnownEpoch } from '../../src/protocol/epoch';
import { startHeartbeat } from '../../src/protocol/heartbeat';
import { createRecordsGate } from '../../src/protocol/records-gate';
import { View } from '../../src/protocol/view';
import { eventually } from '../support/eventually';
import { lookUp } from '../support/protocol-node';
import { silent } from '../support/silent';

let count = 0;
const denial = (tokenId: string): LoggedRevocation => ({
  kind: 'TOKEN',
  userId: 'user',
  tokenId,
  id: String(++count),
  revokedAt: Date.now(),
  expiresAt: Date.now() + 3_600_000,
});
const bearing = (jti: string) =>
  ({ keyId: 'key', claims: { sub: 'user', jti, sid: 'session', iat: 0, exp: 900 } }) as VerifiedToken;

/** A stream in memory. `publish` plays another node. */
function memoryStream() {
  const entries: StreamEntry[] = [];
  let beats = 0;
  const answer = () => {
    beats += 1;
    return Promise.resolve({ tail: entries.length, filled: true, longestTokenTtl: 900, asOf: 0 });
  };
  const unused = () => Promise.reject(new Error('Not used in this test.'));
  const stream: LogStream = {
    hello: () =>
      Promise.resolve({
        id: 'epoch',
        tail: entries.length,
        cursor: String(entries.length),
        filled: true,
        lease: 100,
      }),
    beat: answer,
    probe: answer,
    publish: unused,
    nodes: unused,
    remove: unused,
    leave: () => Promise.resolve(),
    heal: unused,
  };
  const reader: LogReader = {
    async readFrom(cursor) {
      await sleep(2);
      return entries.slice(Number(cursor));
    },
    reconnect: () => undefined,
  };
  const publish = (revocation: LoggedRevocation) => {
    const position = entries.length + 1;
    entries.push({ cursor: String(position), epochId: 'epoch', position, revocation });
  };
  /** Waits for so many more answered heartbeats. */
  const beaten = async (more: number) => {
    const before = beats;
    await eventually(() => expect(beats).toBeGreaterThanOrEqual(before + more));
  };
  return { stream, reader, publish, beaten };
}

/** @param eachLive the log in Postgres, for a node that has it */
function nodeOver(limit: number, eachLive?: (part: EachPart) => Promise<boolean>) {
  const { stream, reader, publish, beaten } = memoryStream();
  const view = new View(limit, Date.now);
  const take = (entry: LoggedRevocation) => void view.apply(entry);
  const source = startHeartbeat({
    stream,
    reader,
    reopen: () => undefined,
    epoch: createKnownEpoch(stream, systemClock),
    log: eachLive && { eachLive, eachUnconfirmed: () => Promise.resolve(true) },
    view,
    usesView: true,
    take,
    gate: createRecordsGate(),
    clock: systemClock,
    logger: silent,
    availability: untold,
    lease: 100,
    tokenTtl: 900,
  });
  return { source, view, take, publish, beaten };
}

test('a load that is under way when an overfull view is given up does not make it current', async () => {
  let partsSeen = 0;
  let goOn: () => void = () => undefined;
  const { source, view, publish, beaten } = nodeOver(3, async (part) => {
    if (!(await part([denial('first'), denial('second')], 0))) return false;
    partsSeen = 1;
    await new Promise<void>((resolve) => (goOn = resolve));
    return part([denial('last')], 0);
  });
  await eventually(() => expect(partsSeen).toBe(1));
  // Two more from the stream, in the middle of the load. The second has no room.
  publish(denial('third'));
  publish(denial('fourth'));
  await eventually(() => expect(view.size).toBe(0));
  goOn();
  await beaten(5);
  // It lacks what the load brought first.
  expect(lookUp(source, bearing('first'))).toBeUndefined();
  expect(source.state.isCurrent).toBe(false);
  await source.stop();
});

test('an overfull view is not used, however it was filled', async () => {
  const { source, view, take, beaten } = nodeOver(2, (part) => part([denial('first'), denial('second')], 0));
  await eventually(() => expect(lookUp(source, bearing('first'))).toMatchObject({ denied: true }));
  // Not from the stream: as if revoked here while Redis is away.
  take(denial('third'));
  await eventually(() => expect(view.isOverfull).toBe(false));
  expect(lookUp(source, bearing('third'))).toBeUndefined();
  await beaten(5);
  expect(lookUp(source, bearing('first'))).toBeUndefined();
  await source.stop();
});

test('without Postgres, a view that was given up is current again only after it read the whole stream', async () => {
  const timers = jest.spyOn(globalThis, 'setTimeout');
  const { source, view, publish, beaten } = nodeOver(3);
  publish(denial('first'));
  publish(denial('second'));
  await eventually(() => expect(lookUp(source, bearing('first'))).toMatchObject({ denied: true }));
  publish(denial('third'));
  publish(denial('fourth'));
  await eventually(() => expect(source.state.isCurrent).toBe(false));
  await eventually(() => expect(view.size).toBe(0));
  // Now it is time for the next attempt.
  const again = timers.mock.calls.find(([, delay]) => delay === 300_000)?.[0];
  expect(again).toBeDefined();
  again?.();
  await beaten(5);
  expect(lookUp(source, bearing('first'))?.denied).not.toBe(false);
  timers.mockRestore();
  await source.stop();
});

test('embedded: a load that stops at an overfull view does not make it current', async () => {
  const view = new View(1, Date.now);
  const take = (entry: LoggedRevocation) => void view.apply(entry);
  const eachLive = async (part: EachPart) => {
    const isAll = await part([denial('first'), denial('second')], 0);
    view.clear(); // as if it was cleared meanwhile
    return isAll;
  };
  const source = await createEmbeddedSource({ log: { eachLive }, view, take, logger: silent, tokenTtl: 900 });
  expect(lookUp(source, bearing('first'))).toBeUndefined();
  await source.stop();
});
