import { settle } from './fake-browser';
import { createFakeWorld } from './fake-session';

/** A socket as graphql-ws uses it. */
function openSocket(options: { readonly on: { readonly opened: (socket: unknown) => void } }) {
  const heard: number[] = [];
  const socket = {
    onclose: ({ code }: { code: number }): void => void heard.push(code),
    close: (code: number, reason: string) => socket.onclose({ code, reason } as { code: number }),
  };
  options.on.opened(socket);
  return {
    heard,
    /** The server closes it. */
    closeWith: (code: number, reason: string) => socket.close(code, reason),
  };
}

test('a socket connects with the token in use, and again with each new one', async () => {
  const { openSignedIn } = createFakeWorld();
  const { session } = await openSignedIn();
  const options = session.socketOptions();
  const { heard } = openSocket(options);
  const before = await options.connectionParams();
  await session.refresh();
  // A client of graphql-ws connects again at once after 1000.
  expect(heard).toEqual([1000]);
  const after = await options.connectionParams();
  expect([before, after]).toEqual(
    Array(2).fill({ authorization: expect.stringMatching(/^Bearer token-/) as string }),
  );
  expect(after).not.toEqual(before);
});

test('a socket that the server closes with its token waits for the next one, and for the network', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session } = await openSignedIn();
  const options = session.socketOptions();
  const first = openSocket(options);
  await options.connectionParams();
  server.trouble = 'offline';
  first.closeWith(4401, 'TOKEN_EXPIRED');
  await settle();
  // After 4499 the client waits a little.
  expect(first.heard).toEqual([4499]);
  server.trouble = 'none';
  const second = openSocket(options);
  await options.connectionParams();
  const before = server.refreshes;
  second.closeWith(4403, 'TOKEN_REVOKED');
  await settle();
  expect([second.heard, server.refreshes]).toEqual([[1000], before + 1]);
});

test('a socket ends with the session, even if another user has signed in', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session, ends } = await openSignedIn();
  const options = session.socketOptions();
  const first = openSocket(options);
  await options.connectionParams();
  await session.login({ email: 'bob', password: 'right' });
  await settle();
  expect(first.heard).toEqual([4403]);
  expect(options.shouldRetry({ code: 4403 })).toBe(false);
  expect(options.shouldRetry(new Error('The network is down.'))).toBe(true);
  const second = openSocket(options);
  await options.connectionParams();
  server.endSession();
  second.closeWith(4403, 'TOKEN_REVOKED');
  await settle();
  expect([second.heard, ends]).toEqual([[4403], ['replaced', 'ended']]);
  const third = openSocket(options);
  expect(await options.connectionParams()).toEqual({});
  third.closeWith(4403, 'TOKEN_MISSING');
  await settle();
  expect(third.heard).toEqual([4403]);
});
