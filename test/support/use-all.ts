import { type TestNode } from './world';

/** Registers, refreshes, lists, ends and audits: everything that reads times, takes locks or reads the log. */
export async function useAll({ api }: TestNode): Promise<void> {
  const ada = await api.register('ada@example.com');
  const fresh = api.expect(await api.refresh(ada.refreshToken)).refresh;
  const [session] = api.expect(
    await api.send('{ me { createdAt sessions { createdAt lastUsedAt expiresAt } } }', {}, fresh.accessToken),
  ).me.sessions;
  expect(Math.abs(Date.parse(session.createdAt) - Date.now())).toBeLessThan(60_000);
  const others = await api.send('mutation { logoutOthers { accessToken } }', {}, fresh.accessToken);
  const { accessToken } = api.expect(others).logoutOthers;
  const root = await api.loginAsAdmin();
  const reason = 'конто взломано – 盗まれた 🚨';
  const ended = await api.send(
    `mutation($id: ID!, $reason: String!) { forceLogout(userId: $id, reason: $reason) { confirmed } }`,
    { id: ada.user.id, reason },
    root.accessToken,
  );
  expect(api.expect(ended).forceLogout.confirmed).toBe(true);
  expect((await api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
  const events = await api.send(
    '{ auditEvents(first: 1) { edges { node { reason createdAt } } } }',
    {},
    root.accessToken,
  );
  expect(api.expect(events).auditEvents.edges[0].node.reason).toBe(reason);
  const users = await api.send('{ users(search: "ADA") { edges { node { email } } } }', {}, root.accessToken);
  expect(api.expect(users).users.edges).toHaveLength(1);
}
