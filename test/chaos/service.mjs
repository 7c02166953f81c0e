// A service that follows a node, as a process of its own. It answers like the GraphQL API of a node, so that one witness
// judges both. Its argument: { port, guard }, as JSON.
import { createServer } from 'node:http';
import { setInterval } from 'node:timers';
import { createGuard } from '../../dist/src/index.js';

const { port, guard: options } = JSON.parse(process.argv[2]);

/** ms between two reports of the counts. */
const REPORT_INTERVAL = 200;

const write = (level) => (fields, text) =>
  process.stderr.write(`${JSON.stringify({ level, time: Date.now(), ...fields, msg: text })}\n`);

/** How many checks each source answered since the last report. */
let checks = {};

const guard = await createGuard({
  ...options,
  logger: { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') },
  metrics: { checked: (source) => (checks[source] = (checks[source] ?? 0) + 1) },
});

const refuse = (status, code, reason) => ({
  status,
  body: { errors: [{ message: reason ?? code, extensions: { code, reason } }] },
});

async function answer({ url, headers }) {
  if (url === '/status') return { status: 200, body: guard.status() };
  const auth = await guard.authenticate(headers.authorization);
  if (auth.ok) return { status: 200, body: { data: {} } };
  if (auth.code === 'SERVICE_UNAVAILABLE') return refuse(503, auth.code);
  return refuse(401, 'UNAUTHENTICATED', auth.code);
}

const server = createServer((request, response) => {
  request.resume();
  answer(request)
    .catch((error) => refuse(500, 'FAULT', String(error.stack)))
    .then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
});

setInterval(() => {
  if (Object.keys(checks).length === 0) return;
  process.send(checks);
  checks = {};
}, REPORT_INTERVAL).unref();

process.once('SIGTERM', async () => {
  await guard.close();
  process.exit(0);
});
process.once('disconnect', () => process.exit(1));

server.listen(port, '127.0.0.1', () => process.send('ready'));
