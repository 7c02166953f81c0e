import { blockOf, parseAddress, siteOf } from '../../src/core/address';

describe('parseAddress reads every form in which a proxy writes an address', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['203.0.113.7:40009', '203.0.113.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:40009', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0]:40009', 'fe80::1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['[::ffff:cb00:7107]:40009', '203.0.113.7'],
  ])('%s is %s', (text, address) => expect(parseAddress(text)).toBe(address));

  test.each([
    ['no text', undefined],
    ['an empty one', ''],
    ['a word', 'unknown'],
    ['a name of RFC 7239', '_hidden'],
    ['a number', '10'],
    ['three numbers', '203.0.113'],
    ['an octal number', '0203.0.113.7'],
    ['a number that is too large', '203.0.113.256'],
    ['a name with a port', 'localhost:80'],
    ['an IPv4 address with two ports', '203.0.113.7:1:2'],
    ['an open bracket', '[2001:db8::1'],
    ['a very long zone', `fe80::1%${'x'.repeat(10_000)}`],
  ])('%s is not an address', (_name, text) => expect(parseAddress(text)).toBeUndefined());
});

test('an IPv6 /64 is one address and a /48 one site; an IPv4 address is both', () => {
  expect(blockOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::');
  expect(siteOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1::');
  expect([blockOf('203.0.113.7'), siteOf('203.0.113.7')]).toEqual(['203.0.113.7', '203.0.113.7']);
});
