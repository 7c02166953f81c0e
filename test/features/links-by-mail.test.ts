import { NEW_PASSWORD, requestEmailChange, useLink } from '../support/link-requests';
import { startMailServer, tokenIn } from '../support/mail-server';
import { shared, sharedWorld } from '../support/shared';
import type { Tokens } from '../support/api';

const world = sharedWorld();
const server = shared(() => startMailServer());
const env = () => ({ SMTP_URL: server.url, MAIL_FROM: 'auth@example.com' });
const one = shared(() => world.node(env()));
const two = shared(() => world.node(env()));
afterAll(async () => {
  await world.stop();
  await server.close();
});

test('a lost password is replaced by the link of a mail, and the tokens of before are refused on every node at once', async () => {
  const { user, accessToken } = await one.api.newUser();
  expect((await one.api.me(accessToken)).status).toBe(200);
  await two.api.mutate(`requestPasswordReset(email: "${user.email}")`);
  const token = tokenIn(await server.mailTo(user.email, '/reset-password#token='));
  const answer = await useLink(two.api, 'reset-password', token);
  expect(answer.extensions?.revocations).toMatchObject([{ scope: 'USER', confirmed: true }]);
  expect((await one.api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
  expect((await one.api.me((answer.data.it as Tokens).accessToken)).status).toBe(200);
});

test('a verified address is changed by its mails, and taken back by the notice', async () => {
  const tokens = await one.api.newUser();
  const { email, id } = tokens.user;
  await one.api.mutate('requestEmailVerification', tokens.accessToken);
  const verification = tokenIn(await server.mailTo(email, '/verify-email#token='));
  expect((await useLink(two.api, 'verify-email', verification)).data.it).toMatchObject({
    emailVerified: true,
  });

  await requestEmailChange(one.api, tokens, 'thief@example.com');
  const change = tokenIn(await server.mailTo('thief@example.com', '/confirm-email#token='));
  expect((await useLink(two.api, 'confirm-email', change)).data.it).toMatchObject({
    email: 'thief@example.com',
  });

  const undo = tokenIn(await server.mailTo(email, '/confirm-email#token='));
  expect((await useLink(one.api, 'undo-email', undo)).data.it).toMatchObject({ id, email });
  const reset = tokenIn(await server.mailTo(email, '/reset-password#token='));
  expect((await useLink(two.api, 'reset-password', reset)).status).toBe(200);
  expect((await one.api.login(email, NEW_PASSWORD)).user.id).toBe(id);
});
