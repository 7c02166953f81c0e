import { createServer } from 'node:http';

// A server that does nothing but answer, with as many bytes as `/verify` does.
createServer((_request, response) => {
  response.writeHead(200, {
    'x-auth-user-id': '00000000-0000-4000-8000-000000000000',
    'x-auth-session-id': '00000000-0000-4000-8000-000000000000',
    'x-auth-token-id': '00000000-0000-4000-8000-000000000000',
    'x-auth-role': 'USER',
    'cache-control': 'no-store',
    'content-length': '0',
  });
  response.end('');
}).listen(Number(process.env.PORT), '127.0.0.1');
