// Starts GraphiQL. Queries and mutations go by POST, subscriptions over a WebSocket.
const { createClient } = globalThis.graphqlWs;
const { renderYogaGraphiQL } = globalThis.YogaGraphiQL;

const WELCOME = `# Sign up, then put the access token into
# "Headers" below:
#   { "authorization": "Bearer eyJ…" }

mutation SignUp {
  register(
    input: {
      email: "ada@example.com"
      password: "correct horse battery"
    }
  ) {
    accessToken
  }
}

query Me {
  me {
    email
    sessions {
      id
      userAgent
      current
    }
  }
}

subscription SessionEnded {
  sessionEnded {
    sessionId
    scope
    current
  }
}

mutation LogoutEverywhere {
  logoutEverywhere {
    tokenVersion
    confirmed
  }
}
`;

async function post(request, headers) {
  const response = await fetch(location.pathname, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
  });
  return response.json();
}

/** Each subscription has a connection of its own, with the headers that were in the editor when it began. */
async function* subscribe(request, headers) {
  const client = createClient({
    url: location.origin.replace(/^http/, 'ws') + location.pathname,
    connectionParams: headers,
    retryAttempts: 0,
  });
  try {
    yield* client.iterate(request);
  } finally {
    await client.dispose();
  }
}

function fetcher({ query, operationName, variables }, { documentAST, headers } = {}) {
  const request = { query, operationName: operationName ?? undefined, variables };
  const isSubscription = documentAST?.definitions.some(
    ({ operation, name }) =>
      operation === 'subscription' && (!operationName || name?.value === operationName),
  );
  return isSubscription ? subscribe(request, headers) : post(request, headers);
}

const workers = { graphql: 'graphql', json: 'json', editorWorkerService: 'editor' };
globalThis.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_id, label) => new URL(`${workers[label]}.worker.js`, import.meta.url).href,
};

renderYogaGraphiQL(document.querySelector('#graphiql'), {
  title: 'Tokenfence',
  logo: '<span></span>',
  defaultQuery: WELCOME,
  fetcher,
  // No token is stored.
  shouldPersistHeaders: false,
  // Otherwise the document, with its passwords, would be in the page's address.
  onEditQuery() {},
});
