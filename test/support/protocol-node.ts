import { setTimeout as sleep } from 'node:timers/promises';
import { untold } from '../../src/core/availability';
import { type Clock, systemClock } from '../../src/core/clock';
import type { LogStream } from '../../src/core/ports/log-stream';
import type { VerifiedToken } from '../../src/core/claims';
import { noMetrics } from '../../src/core/ports/metrics';
import type { ViewSource } from '../../src/core/ports/source';
import type { EachPart } from '../../src/core/ports/truth';
import type { LoggedRevocation, Revocation } from '../../src/core/revocation';
import { createKnownEpoch } from '../../src/protocol/epoch';
import { startHeartbeat } from '../../src/protocol/heartbeat';
import { outlasting } from '../../src/protocol/lease';
import { createPublish } from '../../src/protocol/publish';
import { createRecordsGate } from '../../src/protocol/records-gate';
import { startRelay } from '../../src/protocol/relay';
import { NodeFollowers } from '../../src/protocol/node-followers';
import { View } from '../../src/protocol/view';
import { connectRedis } from '../../src/redis/client';
import { keysOf } from '../../src/redis/keys';
import { createLogReader } from '../../src/redis/log-reader';
import { createLogStream } from '../../src/redis/log-stream';

export const NAMES = keysOf('test');

let count = 0;
export const logged = (revocation: Revocation, lifetime = 1e6): LoggedRevocation => ({
  ...revocation,
  id: String(++count),
  revokedAt: Date.now(),
  expiresAt: Date.now() + lifetime,
});

/** A revocation log in memory. */
export class FakeLog {
  readonly committed: LoggedRevocation[] = [];
  readonly unconfirmed: LoggedRevocation[] = [];
  /** Called before the log is read, to fail or to let something happen first. */
  onRead: () => Promise<void> = () => Promise.resolve();
  /** Called when the log has been read and not handed over yet. */
  onceRead: () => Promise<void> = () => Promise.resolve();
  reads = 0;

  async eachLive(part: EachPart): Promise<boolean> {
    await this.onRead();
    this.reads += 1;
    const snapshot = [...this.committed];
    await this.onceRead();
    return part(snapshot, 0);
  }

  eachUnconfirmed(part: EachPart): Promise<boolean> {
    return part([...this.unconfirmed], 0);
  }
}

/** What a view says about a token, if it is current. */
export const lookUp = (source: ViewSource, token: VerifiedToken) => {
  const found = source.find({ token });
  return found?.from === 'view' ? found : undefined;
};

export interface ProtocolNodeOptions {
  readonly redisUrl: string;
  /** Where the stream is read from, if not from `redisUrl`. */
  readonly streamUrl?: string;
  readonly log: FakeLog;
  readonly lease?: number;
  readonly viewLimit?: number;
  readonly waitReplicas?: number;
  readonly clock?: Clock;
  /** Wraps the stream, to inject faults. */
  readonly wrap?: (stream: LogStream) => LogStream;
}

/** Starts a node's part of the lease protocol on a real Redis, with a log in memory. */
export async function startProtocolNode(options: ProtocolNodeOptions) {
  const {
    redisUrl,
    log,
    lease = 500,
    viewLimit = 1000,
    waitReplicas = 0,
    clock = systemClock,
    wrap = (stream) => stream,
  } = options;
  const warnings: string[] = [];
  const said: string[] = [];
  const logger = {
    debug: () => undefined,
    info: (_: object, message: string) => void said.push(message),
    warn: (_: object, message: string) => void warnings.push(message),
    error: (details: object, message: string) => void warnings.push(`${message} ${JSON.stringify(details)}`),
  };
  const [forWrites, forStream] = [
    connectRedis(redisUrl, untold),
    connectRedis(options.streamUrl ?? redisUrl, untold),
  ];
  await Promise.all([forWrites.tried, forStream.tried]);
  const stream = wrap(createLogStream(forWrites, NAMES, { lease, replicas: waitReplicas }));
  const epoch = createKnownEpoch(stream, clock);
  const view = new View(viewLimit, () => Date.now());
  const followers = new NodeFollowers({ databaseId: 'test', lease, view, clock });
  const gate = createRecordsGate();
  const taken: LoggedRevocation[] = [];
  const take = (entry: LoggedRevocation) => {
    const change = view.takeIn(entry);
    if (change === 'new') taken.push(entry);
    return change;
  };
  const source = startHeartbeat({
    stream,
    reader: createLogReader(forStream, NAMES),
    reopen: () => forStream.renew(),
    epoch,
    log,
    view,
    usesView: true,
    take,
    takeEarly: (entry) => {
      if (take(entry) !== 'nothing') followers.took(entry);
    },
    followers,
    gate,
    clock,
    logger,
    availability: untold,
    lease,
    tokenTtl: 900,
  });
  const publish = createPublish({ stream, epoch, wait: outlasting(lease), clock });
  const stopRelay = startRelay({
    truth: {
      relay: () => Promise.resolve(0),
      log: {
        unconfirmedIds: () => Promise.resolve([]),
        areConfirmed: () => Promise.resolve(true),
      } as never,
    },
    publish,
    source,
    gate,
    metrics: noMetrics,
    logger,
  });
  return {
    source,
    followers,
    publish,
    stream,
    gate,
    taken,
    warnings,
    said,
    async stop() {
      await source.stop();
      await stopRelay();
      forWrites.close();
      forStream.close();
      await sleep(0);
    },
  };
}

export type ProtocolNode = Awaited<ReturnType<typeof startProtocolNode>>;
