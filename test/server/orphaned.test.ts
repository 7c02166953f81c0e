import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { newEmbeddedFolder, QUICK_START } from '../support/embedded-folder';
import { eventually } from '../support/eventually';
import { freePort } from '../support/servers';

const ROOT = join(__dirname, '../..');

test('SIGTERM to npm ends the server, although npm passes it only to the shell', async () => {
  const folder = await newEmbeddedFolder();
  const port = await freePort();
  // Like `npm start`, without the build.
  const npm = spawn('npm', ['exec', '--call', `node ${QUICK_START} ${ROOT}/dist/src/main.js`], {
    cwd: dirname(folder.path),
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATA_DIR: folder.path,
      PORT: String(port),
    },
  });
  let output = '';
  npm.stdout.on('data', (text: Buffer) => (output += text.toString()));
  try {
    await eventually(() => expect(output).toContain('is ready at'), 60_000);
    npm.kill('SIGTERM');
    await eventually(
      () => expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow(/fetch failed/),
      30_000,
    );
    expect(output).toContain('Stopping');
  } finally {
    try {
      process.kill(-npm.pid!, 'SIGKILL');
    } catch {
      // Every process has ended.
    }
    await folder.remove();
  }
});
