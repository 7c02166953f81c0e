// A process with several guards, which a test suspends. Its argument: the options of each guard by a name, as JSON. It prints
// its port, and answers with what each guard says about the token of a request.
import { createServer } from 'node:http';
import { createGuard } from '../../dist/src/index.js';

const guards = await Promise.all(
  Object.entries(JSON.parse(process.argv[2])).map(async ([name, options]) => [
    name,
    await createGuard(options),
  ]),
);

const server = createServer(async ({ headers }, response) => {
  const answers = await Promise.all(
    guards.map(async ([name, guard]) => {
      const { ok, code } = await guard.authenticate(headers.authorization);
      return [name, { answer: ok ? 'GOOD' : code, view: guard.status().view }];
    }),
  );
  response.end(JSON.stringify(Object.fromEntries(answers)));
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
