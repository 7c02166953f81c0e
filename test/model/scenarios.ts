import type { Role, Scenario } from './model';

const revoker: Role = { name: 'the revoker', postgres: true, revokes: true };
const node: Role = { name: 'the node', postgres: true, keepsView: true };
const guard: Role = { name: 'the guard', keepsView: true };
const checker: Role = { name: 'the checker', postgres: true, readsRecords: true };

/** A primary and its replica. */
const twoServers = { servers: 2, mostPublications: 1, begins: 'joined' } as const;

export const scenarios = {
  flush: {
    name: 'a flush',
    why: 'Redis loses everything while a node follows and another process revokes.',
    roles: [revoker, { ...node, reconnects: true }],
    faults: { flushes: 1, lostAnswers: 1 },
    slowAnswers: true,
  },
  slowClock: {
    name: 'a slow clock',
    why: 'A slow node is waited for: its clock loses every second tick, and its machine may sleep.',
    roles: [revoker, { ...node, slowClock: true, sleeps: true }],
  },
  silentNode: {
    name: 'a silent node',
    why: 'Revocations follow one another. A node that is silent during some of them is removed and comes back.',
    roles: [revoker, node],
    revocations: 3,
    begins: 'committed',
    mostBeats: 2,
  },
  outOfOrder: {
    name: 'commits out of order',
    why: 'The second revocation commits before the first, and Redis loses everything in between.',
    roles: [revoker, node],
    revocations: 2,
    commitsInAnyOrder: true,
    mostPublications: 1,
    faults: { flushes: 1 },
  },
  withoutPostgres: {
    name: 'a process without Postgres',
    why: 'It knows only the stream, which is lost and filled again by another process.',
    roles: [{ ...revoker, heals: true }, guard],
    revocations: 2,
    faults: { flushes: 1 },
    begins: 'joined',
    mostPublications: 1,
  },
  evictedStream: {
    name: 'an evicted stream',
    why: 'Redis evicts only the stream, which a process without Postgres has to read from its beginning.',
    roles: [{ ...revoker, heals: true }, guard],
    faults: { evictedStreams: 1 },
  },
  streamLostBetween: {
    name: 'a stream evicted between two revocations',
    why: 'As before, and a process without Postgres joins after both.',
    roles: [
      { ...revoker, heals: true },
      { ...guard, reconnects: true },
    ],
    revocations: 2,
    mostPublications: 1,
    faults: { evictedStreams: 1 },
    begins: 'committed',
  },
  records: {
    name: 'records',
    why: 'A record is read, filled and evicted while two revocations of its user are under way.',
    roles: [revoker, checker],
    revocations: 2,
    faults: { evictedRecords: 1 },
    begins: 'joined',
  },
  recordsAndFlush: {
    name: 'records and a flush',
    why: 'Redis loses everything while a record is being filled.',
    roles: [revoker, checker],
    faults: { flushes: 1 },
  },
  oldData: {
    name: 'a restart with old data',
    why: 'Redis comes back with old data from its disk, while a node follows.',
    roles: [revoker, node],
    faults: { restarts: 1 },
  },
  oldRecords: {
    name: 'a restart with old records',
    why: 'As before, and checks read records.',
    roles: [revoker, checker],
    faults: { restarts: 1 },
  },
  failover: {
    ...twoServers,
    name: 'a failover',
    why: 'A lagging replica takes over. The old primary refuses writes, but may still be read.',
    roles: [revoker, node],
    faults: { promotions: 1, catchUps: 1 },
  },
  failoverOfRecords: {
    ...twoServers,
    name: 'a failover with records',
    why: 'As before, and checks read records.',
    roles: [revoker, checker],
    mostTickets: 1,
    faults: { promotions: 1 },
  },
  failoverAndBack: {
    ...twoServers,
    name: 'a failover and back',
    why: 'The old primary becomes a replica of the lagging one, and is promoted again in the same run.',
    roles: [revoker, node],
    faults: { promotions: 2, demotions: 1 },
  },
  splitBrain: {
    ...twoServers,
    name: 'two primaries',
    why: 'The old primary still accepts writes from the processes connected to it. Writes wait for the replicas.',
    roles: [revoker, node],
    faults: { promotions: 1 },
    waitsFor: 'replicas',
  },
  splitBrainOfRecords: {
    ...twoServers,
    name: 'two primaries with records',
    why: 'As before, and checks read records.',
    roles: [revoker, checker],
    faults: { promotions: 1 },
    waitsFor: 'replicas',
    mostTickets: 1,
  },
  deletedEntry: {
    name: 'a deleted entry',
    why: 'An entry of the stream is deleted before the node has read it.',
    roles: [revoker, node],
    revocations: 2,
    faults: { trims: 1 },
  },
  graceful: {
    name: 'a node that stops',
    why: 'It leaves while a revocation is under way.',
    roles: [revoker, { ...node, leaves: true }],
  },
  dyingRevoker: {
    name: 'a revoker that dies',
    why: 'A following node begins a revocation, and another following node may finish it.',
    roles: [
      { ...node, name: 'node A', revokes: true },
      { ...node, name: 'node B', revokes: true },
    ],
    begins: 'committed',
    faults: { takeovers: 1 },
  },
  lateAnswers: {
    name: 'late answers',
    why: 'Requests of a process from before its new join, and their answers, arrive at any time.',
    roles: [
      { ...revoker, heals: true },
      { ...guard, reconnects: true },
    ],
    lateBeats: true,
    begins: 'joined',
  },
} satisfies Record<string, Scenario>;

export const SCENARIOS: readonly Scenario[] = Object.values(scenarios);
