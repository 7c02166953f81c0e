import type { Fleet } from './fleet';
import { createRandom } from './random';
import { plan } from './storm';

const fleet = {
  nodes: ['node 1', 'node 2', 'node 3'].map((name) => ({ name, wires: {} })),
  stores: {},
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

test('faults of one episode never share a node, store or wire', () => {
  let episodes = 0;
  for (const { faults } of plan(fleet, createRandom('7'))) {
    const claims = faults.flatMap(({ fault }) => fault.claims);
    expect(new Set(claims).size).toBe(claims.length);
    if (++episodes === 200) break;
  }
});
