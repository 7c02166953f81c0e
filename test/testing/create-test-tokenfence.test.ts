import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { QUICK_START } from '../support/embedded-folder';

const ENTRY = JSON.stringify(join(__dirname, '../../dist/src/testing'));

/** A test of a service, in a process of its own: the Postgres inside is an ES module, which jest does not load. */
const PROGRAM = `
  const { createTestTokenfence, testGuard } = require(${ENTRY});
  const loaded = Object.keys(require.cache).filter((file) => file.includes('node_modules'));
  void (async () => {
    const auth = await createTestTokenfence({ roles: ['EDITOR'], issuer: 'https://auth.test', audience: 'shop' });
    const seen = async ({ authorization }) => {
      const { ok, code, principal } = await auth.guard.authenticate(authorization);
      return ok ? [principal.userId, principal.sessionId, principal.role, principal.token.claims.iss] : code;
    };
    const editor = await auth.signUp({ role: 'EDITOR', email: 'ada@example.com' });
    const again = await auth.signIn(editor);
    const bob = await auth.signUp();
    const before = [await seen(editor), await seen(again), await seen(bob)];
    await auth.api.forceLogout(editor.userId);
    const after = [await seen(editor), await seen(again), await seen(bob)];
    await auth.close();
    console.log(JSON.stringify({ loaded, editor, again, bob, before, after }));
  })();`;

test('the whole service runs in memory, signs users in, and leaves nothing open and no file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-testing-'));
  const { stdout } = await promisify(execFile)(process.execPath, [QUICK_START, '-e', PROGRAM], {
    cwd: folder,
    timeout: 110_000,
  });
  const { loaded, editor, again, bob, before, after } = JSON.parse(stdout);
  const issuer = 'https://auth.test';
  expect(loaded).toEqual([]);
  expect(editor.email).toBe('ada@example.com');
  expect(again).toMatchObject({ userId: editor.userId, email: editor.email, password: editor.password });
  expect(again.sessionId).not.toBe(editor.sessionId);
  const ofBob = [bob.userId, bob.sessionId, 'USER', issuer];
  const ofEditor = ({ userId, sessionId }: typeof editor) => [userId, sessionId, 'EDITOR', issuer];
  expect(before).toEqual([ofEditor(editor), ofEditor(again), ofBob]);
  expect(after).toEqual(['TOKEN_REVOKED', 'TOKEN_REVOKED', ofBob]);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});
