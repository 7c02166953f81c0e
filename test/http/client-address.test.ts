import fastify from 'fastify';
import { clientAddressOf, createProxyTrust } from '../../src/http/client-address';

/** The client's address of a request over the loopback with this header. */
async function addressFor(trusted: number | string[] | false, forwarded: string): Promise<string> {
  const app = fastify();
  app.get('/', ({ raw }) => clientAddressOf(raw, createProxyTrust(trusted)));
  const { body } = await app.inject({
    url: '/',
    remoteAddress: '127.0.0.1',
    headers: { 'x-forwarded-for': forwarded },
  });
  await app.close();
  return body;
}

test.each([
  ['no proxy is trusted', false, '203.0.113.7', '127.0.0.1'],
  ['one proxy', 1, '198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['one proxy that adds the port', 1, '203.0.113.7:40009', '203.0.113.7'],
  ['two proxies that add ports', 2, '[2001:db8::9]:1, 10.0.0.1:2', '2001:db8::9'],
  ['proxies by network', ['loopback', '10.0.0.0/8'], '203.0.113.7, 10.0.0.1', '203.0.113.7'],
  ['proxies by network, with ports', ['127.0.0.1', '10.0.0.0/8'], '203.0.113.7:1, 10.0.0.1:2', '203.0.113.7'],
  ['proxies by IPv6 network', ['loopback', 'uniquelocal'], '203.0.113.7, [fd00::1]:2', '203.0.113.7'],
  ['a proxy that is not named', ['loopback'], '203.0.113.7, 10.0.0.1:2', '10.0.0.1'],
  ['a text that is not an address counts as the proxy', 1, 'unknown42', '127.0.0.1'],
  [
    'of very many proxies, the 32nd',
    ['loopback', '10.0.0.0/8'],
    `203.0.113.7, ${Array.from({ length: 60 }, (_none, i) => `10.0.0.${60 - i}`).join(', ')}`,
    '10.0.0.32',
  ],
  ['of two proxies, the nearer to the client', 2, 'unknown42, 10.0.0.1:5', '10.0.0.1'],
] as const)('the address of the client: %s', async (_name, trusted, forwarded, address) => {
  const list = typeof trusted === 'object' ? [...trusted] : trusted;
  expect(await addressFor(list, forwarded)).toBe(address);
});
