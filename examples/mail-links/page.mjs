// What the links in mails open. Each path has one mutation. Copy what you need into your own pages.

const PAGES = {
  '/reset-password': {
    title: 'Choose a new password',
    button: 'Save',
    asks: 'password',
    mutation:
      'mutation($token: String!, $password: String!) { done: resetPassword(input: { token: $token, newPassword: $password }) { user { email } } }',
    done: ({ user }, ended) => `${user.email} has a new password. ${ended}`,
  },
  '/accept-invitation': {
    title: 'Choose a password for your account',
    button: 'Save',
    asks: 'password',
    mutation:
      'mutation($token: String!, $password: String!) { done: acceptInvitation(input: { token: $token, password: $password }) { user { email } } }',
    done: ({ user }) => `Welcome. You can sign in as ${user.email}.`,
  },
  '/verify-email': {
    title: 'Verify your email',
    button: 'Verify',
    mutation: 'mutation($token: String!) { done: verifyEmail(token: $token) { email } }',
    done: ({ email }) => `${email} is verified. You can sign in.`,
  },
  // The link that undoes a change opens this page too.
  '/confirm-email': {
    title: 'Confirm the email of your account',
    button: 'Confirm',
    mutation: 'mutation($token: String!) { done: confirmEmailChange(token: $token) { email } }',
    done: ({ email }, ended) => `The email of your account is ${email}. ${ended}`,
  },
};

const FORGOTTEN = {
  title: 'Forgotten password',
  button: 'Send me a link',
  asks: 'email',
  mutation: 'mutation($email: String!) { done: requestPasswordReset(email: $email) }',
  // The same for every address: nobody learns who has an account.
  done: () => 'If there is an account, a mail with a link is on its way.',
};

const at = (id) => document.getElementById(id);

/** Takes the token out of the address, so that it stays neither there nor in the history. */
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  history.replaceState(null, '', location.pathname);
  return token;
}

/** Sends an operation. Throws an error with the code of the first error in the answer. */
async function send(query, variables) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors, extensions } = await response.json();
  if (errors) throw Object.assign(new Error(errors[0].message), errors[0].extensions);
  return { result: data.done, receipts: extensions?.revocations ?? [] };
}

const explain = ([receipt]) =>
  receipt?.confirmed ? 'Every earlier sign-in has ended.' : 'Earlier sign-ins end in a moment.';

const token = takeToken();
const page = PAGES[location.pathname] ?? FORGOTTEN;
at('title').textContent = page.title;
at('send').textContent = page.button;
if (page.asks) at(page.asks).hidden = false;
at('form').hidden = false;

// A program that reads mails opens links too. So nothing happens until a person presses the button.
at('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  at('send').disabled = true;
  const variables = { token, ...(page.asks && { [page.asks]: at(`${page.asks}-input`).value }) };
  try {
    const { result, receipts } = await send(page.mutation, variables);
    at('message').textContent = page.done(result, explain(receipts));
    at('form').hidden = true;
  } catch (error) {
    // For a password that is refused, for example. The link is still good.
    at('message').textContent = error.message;
    at('form').hidden = error.code === 'LINK_INVALID';
  } finally {
    at('send').disabled = false;
  }
});
