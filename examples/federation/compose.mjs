// Asks each subgraph for its schema, and writes the schema of both for the gateway.
import { writeFile } from 'node:fs/promises';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';

const {
  AUTH_URL = 'http://localhost:4000',
  POSTS_URL = 'http://localhost:4001',
  SUPERGRAPH = 'supergraph.graphql',
} = process.env;

async function subgraph(name, url) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      // In production the auth server shows its schema only to administrators.
      ...(process.env.TOKEN && { authorization: `Bearer ${process.env.TOKEN}` }),
    },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${name}: ${errors[0].message}`);
  return { name, url, typeDefs: parse(data._service.sdl) };
}

const { supergraphSdl, errors = [] } = composeServices([
  await subgraph('auth', `${AUTH_URL}/graphql`),
  await subgraph('posts', POSTS_URL),
]);
for (const { message } of errors) console.error(message);
if (supergraphSdl === undefined) process.exit(1);
await writeFile(SUPERGRAPH, supergraphSdl);
console.log(`The supergraph is in ${SUPERGRAPH}`);
