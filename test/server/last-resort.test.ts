import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

test.each([
  ['a rejection', `Promise.reject(new Error('hunter2'))`],
  ['an event without a listener', `new (require('node:events'))().emit('error', new TypeError('hunter2'))`],
  ['anything else that is thrown', `setTimeout(() => { throw 'hunter2' })`],
])('an uncaught %s is logged without its message and ends the process', async (_what, fault) => {
  const path = join(__dirname, '../../dist/src/server/last-resort.js');
  const program = `require(${JSON.stringify(path)}).onUnexpected(
    { error: (fields, text) => console.log(JSON.stringify(fields), text) }, () => process.exit(7));
    setTimeout(() => undefined, 30_000);
    ${fault}`;
  const ended: unknown = await promisify(execFile)(process.execPath, ['-e', program]).catch(
    (error: unknown) => error,
  );
  expect(ended).toMatchObject({ code: 7, stdout: expect.stringContaining('this process ends'), stderr: '' });
  expect((ended as { stdout: string }).stdout).not.toContain('hunter2');
});
