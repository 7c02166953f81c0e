import type { Role, Scenario } from './model';

const revoker: Role = { name: 'the revoker', postgres: true, revokes: true };
const node: Role = { name: 'the node', postgres: true, keepsView: true };
const guard: Role = { name: 'the guard', keepsView: true };
const checker: Role = { name: 'the checker', postgres: true, readsRecords: true };

export const flush: Scenario = {
  name: 'a flush',
  why: 'Redis loses everything while a node follows and another process revokes.',
  roles: [revoker, { ...node, reconnects: true }],
  revocations: 1,
  faults: { flushes: 1, lostAnswers: 1 },
  slowAnswers: true,
};

export const slowClock: Scenario = {
  name: 'a slow clock',
  why: 'A slow node is waited for: its clock loses every second tick, and its machine may sleep.',
  roles: [revoker, { ...node, slowClock: true, sleeps: true }],
  revocations: 1,
};

export const silentNode: Scenario = {
  name: 'a silent node',
  why: 'Revocations follow one another. A node that is silent during some of them is removed and comes back.',
  roles: [revoker, node],
  revocations: 3,
  begins: 'committed',
  mostBeats: 2,
};

export const outOfOrder: Scenario = {
  name: 'commits out of order',
  why: 'The second revocation commits before the first, and Redis loses everything in between.',
  roles: [revoker, node],
  revocations: 2,
  commitsInAnyOrder: true,
  mostPublications: 1,
  faults: { flushes: 1 },
};

export const withoutPostgres: Scenario = {
  name: 'a process without Postgres',
  why: 'It knows only the stream, which is lost and filled again by another process.',
  roles: [{ ...revoker, heals: true }, guard],
  revocations: 2,
  faults: { flushes: 1 },
  begins: 'joined',
  mostPublications: 1,
};

export const evictedStream: Scenario = {
  name: 'an evicted stream',
  why: 'Redis evicts only the stream, which a process without Postgres has to read from its beginning.',
  roles: [{ ...revoker, heals: true }, guard],
  revocations: 1,
  faults: { evictedStreams: 1 },
};

export const records: Scenario = {
  name: 'records',
  why: 'A record is read, filled and evicted while two revocations of its user are under way.',
  roles: [revoker, checker],
  revocations: 2,
  faults: { evictedRecords: 1 },
  begins: 'joined',
};

export const recordsAndFlush: Scenario = {
  name: 'records and a flush',
  why: 'Redis loses everything while a record is being filled.',
  roles: [revoker, checker],
  revocations: 1,
  faults: { flushes: 1 },
};

export const oldData: Scenario = {
  name: 'a restart with old data',
  why: 'Redis comes back with old data from its disk, while a node follows.',
  roles: [revoker, node],
  revocations: 1,
  faults: { restarts: 1 },
};

export const oldRecords: Scenario = {
  name: 'a restart with old records',
  why: 'As before, and checks read records.',
  roles: [revoker, checker],
  revocations: 1,
  faults: { restarts: 1 },
};

export const failover: Scenario = {
  name: 'a failover',
  why: 'A lagging replica takes over. The old primary refuses writes, but may still be read.',
  roles: [revoker, node],
  revocations: 1,
  servers: 2,
  mostPublications: 1,
  faults: { promotions: 1, catchUps: 1 },
  begins: 'joined',
};

export const failoverOfRecords: Scenario = {
  name: 'a failover with records',
  why: 'As before, and checks read records.',
  roles: [revoker, checker],
  revocations: 1,
  servers: 2,
  mostPublications: 1,
  mostTickets: 1,
  begins: 'joined',
  faults: { promotions: 1 },
};

export const failoverAndBack: Scenario = {
  name: 'a failover and back',
  why: 'The old primary becomes a replica of the lagging one, and is promoted again in the same run.',
  roles: [revoker, node],
  revocations: 1,
  servers: 2,
  mostPublications: 1,
  begins: 'joined',
  faults: { promotions: 2, demotions: 1 },
};

export const splitBrain: Scenario = {
  name: 'two primaries',
  why: 'The old primary still accepts writes from the processes connected to it. Writes wait for the replicas.',
  roles: [revoker, node],
  revocations: 1,
  servers: 2,
  mostPublications: 1,
  faults: { promotions: 1 },
  waitsFor: 'replicas',
  begins: 'joined',
};

export const splitBrainOfRecords: Scenario = {
  name: 'two primaries with records',
  why: 'As before, and checks read records.',
  roles: [revoker, checker],
  revocations: 1,
  servers: 2,
  mostPublications: 1,
  faults: { promotions: 1 },
  waitsFor: 'replicas',
  begins: 'joined',
  mostTickets: 1,
};

export const deletedEntry: Scenario = {
  name: 'a deleted entry',
  why: 'An entry of the stream is deleted before the node has read it.',
  roles: [revoker, node],
  revocations: 2,
  faults: { trims: 1 },
};

export const graceful: Scenario = {
  name: 'a node that stops',
  why: 'It leaves while a revocation is under way.',
  roles: [revoker, { ...node, leaves: true }],
  revocations: 1,
};

export const dyingRevoker: Scenario = {
  name: 'a revoker that dies',
  why: 'A following node begins a revocation, and another following node may finish it.',
  roles: [
    { ...node, name: 'node A', revokes: true },
    { ...node, name: 'node B', revokes: true },
  ],
  revocations: 1,
  begins: 'committed',
  faults: { takeovers: 1 },
};

export const lateAnswers: Scenario = {
  name: 'late answers',
  why: 'Requests of a process from before its new join, and their answers, arrive at any time.',
  roles: [
    { ...revoker, heals: true },
    { ...guard, reconnects: true },
  ],
  revocations: 1,
  lateBeats: true,
  begins: 'joined',
};

export const SCENARIOS: readonly Scenario[] = [
  flush,
  slowClock,
  silentNode,
  outOfOrder,
  withoutPostgres,
  evictedStream,
  records,
  recordsAndFlush,
  oldData,
  oldRecords,
  failover,
  failoverOfRecords,
  failoverAndBack,
  splitBrain,
  splitBrainOfRecords,
  deletedEntry,
  graceful,
  dyingRevoker,
  lateAnswers,
];
