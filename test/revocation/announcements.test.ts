import { createAnnouncements } from '../../src/revocation/announcements';
import { logged } from '../support/protocol-node';

const entry = logged({ kind: 'KEY', keyId: 'K' });

test('a listener that throws or rejects stops neither the others nor the caller, and is logged', async () => {
  const faults: unknown[] = [];
  const announcements = createAnnouncements({ error: (details) => void faults.push(details) });
  const fault = new Error('The listener failed.');
  // Its type hides that it rejects, as in JavaScript.
  const rejects = (() => Promise.reject(fault)) as () => void;
  const heard: string[] = [];
  announcements.subscribe(() => void heard.push('first'));
  announcements.subscribe(() => {
    throw fault;
  });
  announcements.subscribe(rejects);
  announcements.subscribe(() => void heard.push('last'));
  announcements.announce(entry, true);
  expect(heard).toEqual(['first', 'last']);
  await new Promise((resolve) => setImmediate(resolve));
  expect(faults).toEqual([{ err: fault }, { err: fault }]);
});

test('a listener that subscribes twice is called twice, and each subscription ends separately', () => {
  const announcements = createAnnouncements({ error: () => undefined });
  const heard: boolean[] = [];
  const listener = (_entry: unknown, isNew: boolean) => void heard.push(isNew);
  const ends = [announcements.subscribe(listener), announcements.subscribe(listener)];
  announcements.announce(entry, false);
  ends[0]!();
  announcements.announce(entry, true);
  expect(heard).toEqual([false, false, true]);
  ends[1]!();
  expect(announcements.listeners).toBe(0);
});
