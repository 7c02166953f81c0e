import { ADMIN, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { TestSocket } from '../support/socket';
import { createWorld, type TestNode, type World } from '../support/world';

// Each node closes its own sockets, so it must learn what was revoked on another node.
describe('a socket on one node, and a revocation on another', () => {
  let world: World;
  let here: TestNode;
  let there: TestNode;
  let tokens: Tokens;
  const open: TestSocket[] = [];

  beforeAll(async () => {
    world = await createWorld();
    [here, there] = await Promise.all([world.node(), world.node()]);
  });
  beforeEach(async () => {
    tokens = await there.api.register(`${open.length}-${Date.now()}@example.com`);
  });
  afterEach(() => {
    for (const socket of open) socket.raw.terminate();
  });
  afterAll(() => world.close());

  const listen = async ({ accessToken }: Tokens, query: string) => {
    const socket = await TestSocket.signIn(here.url, accessToken);
    open.push(socket);
    await socket.listen(query);
    return socket;
  };

  test('a logout on the other node closes the socket after its last event', async () => {
    const socket = await listen(tokens, 'subscription { sessionEnded { sessionId scope current } }');
    await there.api.end('logout', tokens.accessToken);
    await socket.receive('next');
    expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
    expect(socket.events).toEqual([
      { sessionEnded: { sessionId: tokens.session.id, scope: 'SESSION', current: true } },
    ]);
  });

  test('a key that the other node revokes closes the socket', async () => {
    const admin = await there.api.login(ADMIN.email, ADMIN.password);
    const socket = await listen(tokens, 'subscription { sessionEnded { scope } }');
    there.api.expect(
      await there.api.send('mutation { rotateSigningKey(revokeOld: true) { id } }', {}, admin.accessToken),
    );
    await socket.receive('next');
    expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  });

  test('an administrator gets each revocation once', async () => {
    const admin = await there.api.login(ADMIN.email, ADMIN.password);
    const socket = await listen(admin, 'subscription { revocations { kind sessionId } }');
    await there.api.end('logout', tokens.accessToken);
    await there.api.end(`forceLogout(userId: "${tokens.user.id}")`, admin.accessToken);
    const kinds = () => socket.events.map(({ revocations }) => revocations.kind);
    await eventually(() => expect(kinds()).toContain('USER'));
    expect(kinds()).toEqual(['SESSION', 'TOKEN', 'USER']);
  });
});
