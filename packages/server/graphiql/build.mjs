// Puts GraphiQL and its page into dist/, from which the server serves them: no browser needs the internet.
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  css,
  editorWorkerService,
  graphqlWorker,
  js,
  jsonWorker,
} from '@graphql-yoga/render-graphiql/graphiql';

const require = createRequire(import.meta.url);
const folderOf = (name) => dirname(require.resolve(`${name}/package.json`));
const target = join(import.meta.dirname, '../dist/graphiql');

mkdirSync(target, { recursive: true });
const write = (name, text) => writeFileSync(join(target, name), text);
write('graphiql.js', js);
write('graphiql.css', css);
write('editor.worker.js', editorWorkerService);
write('graphql.worker.js', graphqlWorker);
write('json.worker.js', jsonWorker);

const copy = (source, name) => copyFileSync(source, join(target, name));
for (const name of ['index.html', 'page.js']) copy(join(import.meta.dirname, name), name);
copy(join(folderOf('graphql-ws'), 'umd/graphql-ws.min.js'), 'graphql-ws.js');
for (const name of ['@graphql-yoga/render-graphiql', 'graphql-ws']) {
  const license = readdirSync(folderOf(name)).find((file) => file.startsWith('LICENSE'));
  copy(join(folderOf(name), license), `LICENSE.${name.split('/').at(-1)}.txt`);
}
