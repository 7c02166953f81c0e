// A walk through Tokenfence with plain fetch:
//
//   npm start                                                       (in one terminal)
//   ADMIN_PASSWORD=… node examples/quickstart/quickstart.mjs        (in another, with the password that it showed)
//
const URL = process.env.TOKENFENCE_URL ?? 'http://127.0.0.1:4000';
const ADMIN = {
  email: process.env.ADMIN_EMAIL ?? 'admin@example.com',
  password: process.env.ADMIN_PASSWORD ?? '',
};

/** Sends an operation. Returns its data, or the reason or code of the first error. */
async function send(query, variables = {}, accessToken = undefined) {
  const response = await fetch(`${URL}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(accessToken && { authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (!errors) return { data };
  const { code, reason } = errors[0].extensions;
  return { refused: reason ?? code };
}

/** Sends an operation that must succeed. */
async function must(query, variables, accessToken) {
  const { data, refused } = await send(query, variables, accessToken);
  if (refused) throw new Error(`${refused}: ${query}`);
  return data;
}

const register = (email, password) =>
  must('mutation($input: RegisterInput!) { register(input: $input) { accessToken user { id } } }', {
    input: { email, password },
  }).then(({ register }) => register);

const login = (email, password) =>
  must(
    'mutation($input: LoginInput!) { login(input: $input) { accessToken refreshToken session { id } user { id } } }',
    { input: { email, password } },
  ).then(({ login }) => login);

async function show(who, accessToken) {
  const { data, refused } = await send('{ me { email } }', {}, accessToken);
  console.log(`  ${who.padEnd(22)} ${refused ? `refused: ${refused}` : `served, as ${data.me.email}`}`);
}

const told = ({ scope, endedSessions, confirmed }) =>
  console.log(
    `  receipt: ${scope}, ${endedSessions} session${endedSessions === 1 ? '' : 's'} ended, ` +
      (confirmed ? 'in force everywhere' : 'not confirmed yet'),
  );
const RECEIPT = '{ scope endedSessions confirmed }';

const password = 'correct horse battery staple';
const tag = Date.now();
const [ada, grace] = [`ada-${tag}@example.com`, `grace-${tag}@example.com`];

console.log('Ada and Grace make an account.');
await register(ada, password);
const graceAtWork = await register(grace, password);

console.log('Ada signs in on three devices.');
const phone = await login(ada, password);
const laptop = await login(ada, password);
const tablet = await login(ada, password);
await show("Ada's phone", phone.accessToken);
await show("Ada's laptop", laptop.accessToken);
await show("Ada's tablet", tablet.accessToken);

console.log('Ada logs out on the phone. The JWT that it has would be good for a quarter of an hour more.');
told((await must(`mutation { logout ${RECEIPT} }`, {}, phone.accessToken)).logout);
await show("Ada's phone", phone.accessToken);
await show("Ada's laptop", laptop.accessToken);

console.log('Nor does the refresh token of the phone bring it back.');
const retry = await send('mutation($t: String) { refresh(refreshToken: $t) { accessToken } }', {
  t: phone.refreshToken,
});
console.log(`  refresh                refused: ${retry.refused}`);

console.log('Ada has lost the tablet, and logs out everywhere from the laptop.');
told((await must(`mutation { logoutEverywhere ${RECEIPT} }`, {}, laptop.accessToken)).logoutEverywhere);
await show("Ada's laptop", laptop.accessToken);
await show("Ada's tablet", tablet.accessToken);

console.log('She signs in again: the new token carries the new version.');
const again = await login(ada, password);
await show("Ada's laptop", again.accessToken);

console.log('An administrator forces Grace out, without having any token of hers.');
const admin = await login(ADMIN.email, ADMIN.password);
await show('Grace', graceAtWork.accessToken);
told(
  (
    await must(
      `mutation($id: ID!) { forceLogout(userId: $id, reason: "left the company") ${RECEIPT} }`,
      { id: graceAtWork.user.id },
      admin.accessToken,
    )
  ).forceLogout,
);
await show('Grace', graceAtWork.accessToken);
await show('Ada', again.accessToken);
