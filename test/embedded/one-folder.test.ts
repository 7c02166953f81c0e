import { type EmbeddedFolder, newEmbeddedFolder } from '../support/embedded-folder';
import { type NodeProcess, startNodeProcess } from '../support/node-process';

let folder: EmbeddedFolder;
let node: NodeProcess;

const start = () => startNodeProcess({ DATA_DIR: folder.path });

beforeAll(async () => {
  folder = await newEmbeddedFolder();
  node = await start();
});
afterAll(async () => {
  node.signal('SIGKILL');
  await node.ended;
  await folder.remove();
});

test('a second process on the folder is refused, even while the first is suspended', async () => {
  const refusal = async () =>
    start().then(
      () => 'it started',
      (error: unknown) => (error as Error).message,
    );
  expect(await refusal()).toContain('Another Tokenfence process uses the folder');
  node.signal('SIGSTOP');
  expect(await refusal()).toContain('Another Tokenfence process uses the folder');
  node.signal('SIGCONT');
  expect((await node.api.me()).data).toEqual({ me: null });
});

test('concurrent callers share the one connection without a deadlock', async () => {
  const { api } = node;
  const users = await Promise.all(Array.from({ length: 6 }, (_, i) => api.register(`u${i}@example.com`)));
  const work = users.flatMap(({ accessToken, refreshToken }) => [
    api.me(accessToken),
    api.refresh(refreshToken),
    api.send('mutation { logoutOthers { accessToken } }', {}, accessToken),
    api.me(accessToken),
  ]);
  const answers = await Promise.all(work);
  expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  const ends = await Promise.all(
    users.map(({ accessToken }) => api.send('mutation { logout { confirmed } }', {}, accessToken)),
  );
  expect(ends.map(({ data }) => data.logout.confirmed)).toEqual(ends.map(() => true));
});

test('after kill -9 the data is there, and a revoked token is still refused', async () => {
  const [gone, stays] = [
    await node.api.register('gone@example.com'),
    await node.api.register('stays@example.com'),
  ];
  expect(await node.api.end('logout', gone.accessToken)).toMatchObject({ confirmed: true });
  node.signal('SIGKILL');
  await node.ended;

  node = await start();
  expect((await node.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
  expect((await node.api.me(stays.accessToken)).status).toBe(200);
  expect((await node.api.refresh(gone.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
});
