import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/config/read-config';
import type { Env } from '../../src/config/env';
import { AUDIT_EVENT_TYPES } from '../../src/core/account';
import { RULES as OF_HARM } from '../model/embedded/harm';
import { RULES as OF_EMBEDDED } from '../model/embedded/model';
import { FOLLOWER_RULES, RULES as OF_LEASE } from '../model/rules';
import { RULES as OF_WRITES } from '../model/writes/model';

const read = (page: string) => readFileSync(join(__dirname, '../../docs', page), 'utf8');

test('the page on operations lists every type of audit event', () => {
  const cells = [...read('operations.md').matchAll(/^\| `(\w+)` +\|/gm)].map(([, cell]) => cell);
  expect(cells).toEqual(expect.arrayContaining([...AUDIT_EVENT_TYPES]));
});

test('the page of settings has a section for every setting that is read, and for no other', () => {
  const asked = new Set<string>();
  const env = new Proxy<Env>({}, { get: (_env, name) => void asked.add(String(name)) });
  readConfig(env);
  const headings = [...read('settings.md').matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
  const described = headings.flatMap((heading) => [...heading.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(described.sort()).toEqual([...asked].sort());
});

test('the page on the protocol names every rule of the models, and no other', () => {
  const brackets = [...read('protocol.md').matchAll(/\[(`[^\]]+`)\]/g)].map(([, names = '']) => names);
  const named = brackets.flatMap((names) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  const rules = [...OF_LEASE, ...FOLLOWER_RULES, ...OF_EMBEDDED, ...OF_HARM, ...OF_WRITES];
  expect([...new Set(named)].sort()).toEqual([...new Set<string>(rules)].sort());
});

test('every test that the track record names is there', () => {
  const commands = [...read('track-record.md').matchAll(/`(test\/\w+\/[\w/-]+)(?: -t '([^']+)')?`/g)];
  const missing = commands.filter(([, path, name = '']) => {
    const file = join(__dirname, '../..', `${path}.test.ts`);
    return !existsSync(file) || !readFileSync(file, 'utf8').includes(name);
  });
  expect(commands.length).toBeGreaterThan(20);
  expect(missing.map(([command]) => command)).toEqual([]);
});
