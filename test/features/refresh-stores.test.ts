import type { Tokens } from '../support/api';
import { EVERY_STORE } from '../support/embedded-world';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

describe.each(EVERY_STORE)('refresh, %s', (_mode, create) => {
  const world = sharedWorld(create);
  const [one, two] = sharedNodes(world, {}, {});
  const admin = shared(() => one.api.loginAsAdmin());

  const refusalOf = async ({ refreshToken }: Tokens) => (await two.api.refresh(refreshToken)).code;

  test('a refresh gives a new pair of the same session', async () => {
    const first = await one.api.newUser();
    const second = await two.api.refreshed(first);
    expect(second.session.id).toBe(first.session.id);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect((await one.api.me(second.accessToken)).status).toBe(200);
    expect((await one.api.refreshed(second)).session.id).toBe(first.session.id);
  });

  test('one token has one successor, at once and when it is asked for again', async () => {
    const first = await one.api.newUser();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? one : two).api.refreshed(first)),
    );
    answers.push(await one.api.refreshed(first));
    const successors = new Set(answers.map(({ refreshToken }) => refreshToken));
    expect(successors.size).toBe(1);
    await two.api.refreshed(answers[0]!);
  });

  test('a token two generations old is theft: the session ends, and the audit log tells', async () => {
    const first = await one.api.newUser();
    const second = await one.api.refreshed(first);
    const third = await two.api.refreshed(second);
    expect(await refusalOf(first)).toBe('REFRESH_TOKEN_REUSED');
    for (const { accessToken } of [first, second, third])
      expect((await one.api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
    expect(await refusalOf(third)).toBe('REFRESH_TOKEN_INVALID');
    const { edges } = await one.api
      .send(
        'query($id: ID) { auditEvents(userId: $id) { edges { node { type sessionId } } } }',
        { id: first.user.id },
        admin.accessToken,
      )
      .then((answer) => one.api.expect(answer).auditEvents);
    expect(edges).toContainEqual({ node: { type: 'REFRESH_TOKEN_REUSED', sessionId: first.session.id } });
  });

  test('a logout everywhere ends the refresh tokens of every session', async () => {
    const laptop = await one.api.newUser();
    const phone = await two.api.login(laptop.user.email);
    expect(await one.api.end('logoutEverywhere', laptop.accessToken)).toMatchObject({
      endedSessions: 2,
      confirmed: true,
    });
    for (const each of [laptop, phone]) expect(await refusalOf(each)).toBe('REFRESH_TOKEN_INVALID');
  });

  test('logoutOthers carries this session over with a new refresh token, and ends every earlier one', async () => {
    const laptop = await one.api.newUser();
    const phone = await two.api.login(laptop.user.email);
    const renewed = (await one.api.mutate(
      'logoutOthers { accessToken refreshToken session { id } }',
      laptop.accessToken,
    )) as Tokens;
    expect(renewed.session.id).toBe(laptop.session.id);
    for (const each of [laptop, phone]) expect(await refusalOf(each)).toBe('REFRESH_TOKEN_INVALID');
    await two.api.refreshed(renewed);
  });
});
