import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { blockOf } from '../core/address';
import type { Clock } from '../core/clock';
import { FOLLOW_PROTOCOL, LARGEST_FROM_FOLLOWER } from '../core/follow-messages';
import { every } from '../core/loop';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { Followers } from '../protocol/followers';
import { createEntriesText } from './entries-text';
import { Following } from './following';
import { createHarm } from './harm';
import { FOLLOWER_LIMITS, type FollowerLimits } from './limits';
import { createLine } from './line';
import { Wire } from './wire';

/** ms between two looks at how late acks are. */
const JUDGE_INTERVAL = 1000;

/** ms between two warnings that the node is full. */
const WARNING_INTERVAL = 60_000;

export interface FollowersDoorOptions {
  /** Left out where this process has no view that can be followed. */
  readonly followers?: Followers;
  /** Followers of this node; 0: none may come. */
  readonly followersPerNode: number;
  /** ms for which a node continues to serve after it was told to stop. */
  readonly shutdownDelay: number;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'granted' | 'followerDropped'>;
  readonly limits?: Partial<FollowerLimits>;
}

/** Why no follower may come in now. */
export type DoorRefusal = 'NOT_OFFERED' | 'NO_VIEW' | 'STOPPING' | 'FULL';

/** Lets followers in, and sees them out. */
export interface FollowersDoor {
  /** Answers why a follower may not come in now; `undefined` if it may. */
  admit(): DoorRefusal | undefined;
  /**
   * Upgrades the connection of a follower that has shown the secret.
   *
   * @param address of the follower, as `parseAddress` returns it
   * @param onFault called if the handshake is malformed; it answers
   */
  accept(
    request: IncomingMessage,
    connection: Duplex,
    head: Buffer,
    address: string,
    onFault: () => void,
  ): void;
  /** Connections of followers. */
  readonly open: number;
  /** Lets nobody in any more, and asks followers to move to another node. Some time later it stops. */
  leave(): void;
  /** Takes every grant back and closes every connection. Resolves when no grant is left. */
  stop(): Promise<void>;
}

interface Open {
  readonly following: Following;
  readonly wire: Wire;
  readonly closed: Promise<void>;
}

/** Creates the server of the upgrades, which holds no connection itself. */
const createUpgrades = () =>
  new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: LARGEST_FROM_FOLLOWER,
    perMessageDeflate: false,
    handleProtocols: () => FOLLOW_PROTOCOL,
    // One message of a follower in a turn of the event loop.
    allowSynchronousEvents: false,
    // Wire answers pings, within the pace.
    autoPong: false,
  });

/** Creates the warning that the node is full, which comes once a minute at most. */
function createFullWarning({ logger, clock, followersPerNode }: FollowersDoorOptions): () => void {
  let warnedAt = -Infinity;
  return () => {
    const now = clock.monotonic();
    if (now - warnedAt < WARNING_INTERVAL) return;
    warnedAt = now;
    logger.warn(
      { followersPerNode },
      'A service was refused: as many follow this node as FOLLOWERS_PER_NODE allows. It uses introspection, or another node.',
    );
  };
}

export function createFollowersDoor(options: FollowersDoorOptions): FollowersDoor {
  const { followers, followersPerNode, shutdownDelay, clock } = options;
  const limits: FollowerLimits = { ...FOLLOWER_LIMITS, ...options.limits };
  const upgrades = createUpgrades();
  const open = new Set<Open>();
  const parts = {
    limits,
    line: createLine(limits.snapshots),
    harm: createHarm(clock, followers?.lease ?? 0),
    textOf: createEntriesText(),
  };
  const timers = [
    every(limits.pingInterval, () => open.forEach(({ wire }) => wire.ping())),
    every(JUDGE_INTERVAL, () => open.forEach(({ following }) => following.judge())),
  ];
  let movingUntil: number | undefined;
  const warnOfFull = createFullWarning(options);
  let stopping: Promise<void> | undefined;

  const leave = () => {
    if (movingUntil !== undefined) return;
    movingUntil = performance.now() + limits.movePatience;
    for (const { following } of open) following.leave();
    // An application closes its server before it closes us, and the server waits for these connections.
    setTimeout(() => void stop(), Math.max(shutdownDelay, limits.movePatience)).unref();
  };

  const areClosed = () => Promise.all([...open].map(({ closed }) => closed));

  const stopNow = async () => {
    leave();
    const patience = Math.max(0, (movingUntil ?? 0) - performance.now());
    await Promise.race([areClosed(), sleep(patience, undefined, { ref: false })]);
    await followers?.stop();
    for (const { wire } of open) wire.close('STOPPING');
    await areClosed();
    await Promise.all(timers.map((end) => end()));
  };
  const stop = () => (stopping ??= stopNow());

  return {
    admit() {
      if (followersPerNode === 0) return 'NOT_OFFERED';
      if (!followers) return 'NO_VIEW';
      if (movingUntil !== undefined) return 'STOPPING';
      if (open.size < followersPerNode) return undefined;
      warnOfFull();
      return 'FULL';
    },
    accept(request, connection, head, address, onFault) {
      if (!followers) return;
      upgrades.once('wsClientError', onFault);
      upgrades.handleUpgrade(request, connection, head, (socket) => {
        const wire = new Wire({ socket, limits, clock });
        const following = new Following({ ...options, ...parts, followers, wire, block: blockOf(address) });
        const closed = new Promise<void>((resolve) => wire.onceClosed(() => resolve()));
        const own = { following, wire, closed };
        open.add(own);
        wire.onceClosed(() => open.delete(own));
      });
      upgrades.off('wsClientError', onFault);
    },
    get open() {
      return open.size;
    },
    leave,
    stop,
  };
}
