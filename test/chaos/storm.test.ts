import { FAULT_KINDS } from './faults';
import type { Fleet } from './fleet';
import { createRandom } from './random';
import { plan } from './storm';

const nodes = ['node 1', 'node 2', 'node 3'].map((name) => ({ name, wires: {} }));
const fleet = {
  mode: 'servers',
  nodes,
  services: nodes.map((home, i) => ({ name: `service ${i + 1}`, home })),
  addresses: () => '127.0.0.1',
  stores: { redis: { mode: 'single' } },
} as unknown as Fleet;

const firstOf = (seed: string) => {
  const planned: unknown[] = [];
  for (const { calm, faults } of plan(fleet, createRandom(seed))) {
    planned.push(calm, ...faults.map(({ fault, begins }) => [fault.name, fault.leases, begins]));
    if (planned.length > 200) return planned;
  }
  return planned;
};

test('a seed always gives the same plan of faults, and another seed another plan', () => {
  expect(firstOf('42')).toEqual(firstOf('42'));
  expect(firstOf('42')).not.toEqual(firstOf('43'));
});

test('faults of one episode never share a node, store, service or wire', () => {
  let episodes = 0;
  for (const { faults } of plan(fleet, createRandom('7'))) {
    const claims = faults.flatMap(({ fault }) => fault.claims);
    expect(new Set(claims).size).toBe(claims.length);
    if (++episodes === 200) break;
  }
});

const kindsOf = (few: Partial<Fleet>) => {
  const kinds = new Set<string>();
  let episodes = 0;
  for (const { faults } of plan({ ...fleet, ...few }, createRandom('7'))) {
    for (const { kind } of faults) kinds.add(kind);
    if (++episodes === 200) return [...kinds];
  }
  return [];
};

const on = (mode: 'single' | 'sentinels' | 'cluster') =>
  kindsOf({ stores: { redis: { mode } } as Fleet['stores'] });

test('every kind of fault comes, but none of services where there are none, and none of servers in the embedded mode', () => {
  const all = new Set([...on('single'), ...on('sentinels'), ...on('cluster')]);
  expect([...all].sort()).toEqual([...FAULT_KINDS].sort());
  expect(kindsOf({ services: [] }).filter((kind) => /service|follow/.test(kind))).toEqual([]);
  expect(
    kindsOf({ mode: 'embedded' }).filter((kind) => /Redis|Postgres|wire|connections/.test(kind)),
  ).toEqual([]);
});

test('servers that fail over by themselves have faults of their own, and none that only a run can repair', () => {
  expect(on('single').filter((kind) => /primary|sentinel|slot|set|host/.test(kind))).toEqual([]);
  expect(on('sentinels').filter((kind) => /slot|seized|Redis failover|back empty/.test(kind))).toEqual([]);
  expect(
    on('cluster').filter((kind) => /sentinel|cut off from|Redis failover|back empty/.test(kind)),
  ).toEqual([]);
  for (const mode of ['sentinels', 'cluster'] as const)
    expect(on(mode)).toEqual(expect.arrayContaining(['host paused', 'primary paused', 'Redis flushed']));
});
