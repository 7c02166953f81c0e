// A REST service on Express that accepts the access tokens of an auth server.
import express from 'express';
import { createGuard, expressGuard } from 'tokenfence';

const { ISSUER = 'http://localhost:4000', INTROSPECTION_SECRET, PORT = '4003' } = process.env;

const guard = await createGuard({ issuer: ISSUER, audience: 'api', secret: INTROSPECTION_SECRET });

const app = express();

// For everyone. It knows the signed-in user.
app.get('/hello', expressGuard(guard, { optional: true }), (req, res) => {
  res.json({ hello: req.auth.ok ? req.auth.principal.userId : 'stranger' });
});

// For signed-in users. Others get 401 with the reason, or 503 if the token cannot be checked.
app.get('/whoami', expressGuard(guard), (req, res) => {
  res.json({ whoami: req.auth.principal.userId });
});

// For administrators. Others get 403.
app.get('/report', expressGuard(guard, { role: 'ADMIN' }), (req, res) => {
  res.json({ report: `All is well, ${req.auth.principal.userId}.` });
});

const server = app.listen(Number(PORT), (error) => {
  if (error) throw error;
  console.log(`The REST service is ready at http://localhost:${PORT}/`);
});

// The guard closes after the last request. From then on no logout waits for this service.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void server.close(() => void guard.close()));
