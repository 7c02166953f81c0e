/** What a follower may ask of a node. Tests set smaller ones, to wait less. */
export const FOLLOWER_LIMITS = {
  /** ms from the upgrade until the follower must have joined. */
  joinTimeout: 5000,
  /** ms between two pings. A follower from which nothing came in between is cut off. */
  pingInterval: 10_000,
  /** ms that a follower has to answer the close. */
  closeTimeout: 2000,
  /** Messages that a follower may send at once, besides one for each that it was sent. */
  burst: 100,
  /** Messages a second that it may send for as long as it likes. With the shortest lease it sends 50 heartbeats. */
  messagesPerSecond: 100,
  /** Bytes that may wait for a follower before the next part of a snapshot is made. */
  partBytes: 1024 * 1024,
  /** Bytes that may wait for a follower. With more it is cut off. */
  waitingBytes: 16 * 1024 * 1024,
  /** Snapshots that are sent at the same time. */
  snapshots: 2,
  /** ms that a snapshot may take, and more for each name. Then its follower is cut off, and another has its turn. */
  snapshotTimeout: 30_000,
  snapshotTimeoutPerName: 0.25,
  /** ms for which followers may move to another node, from the announcement of a stop. */
  movePatience: 500,
};

export type FollowerLimits = Readonly<typeof FOLLOWER_LIMITS>;
