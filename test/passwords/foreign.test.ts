import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { hashSync } from '@node-rs/argon2';
import { hashSync as bcryptSync } from 'bcryptjs';
import { createPasswords } from '../../src/passwords/argon2';
import { EvenOut } from '../../src/passwords/even-out';
import { readHash } from '../../src/passwords/foreign/read-hash';

jest.unmock('@node-rs/argon2');

const passwords = createPasswords({ issuer: 'https://auth.example.com', audience: 'api', serviceName: 'x' });
const asker = { site: '192.0.2.0' };
const fits = (hash: string, password: string) =>
  passwords.matches(() => Promise.resolve(hash), password, asker);

const b64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
const SALT = Buffer.from('a salt of some length');
const derived = (digest: string, length: number) => pbkdf2Sync('pleaseletmein', SALT, 7, length, digest);

/** Hashes that others have published, and hashes made here by other means. */
const KNOWN: [string, string, string][] = [
  [
    'Firebase, from its own README',
    'user1password',
    '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
  ],
  [
    'Firebase, from another server',
    'mytestpassword',
    '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==',
  ],
  [
    'passlib, from its documentation',
    'password',
    '$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M',
  ],
  [
    'passlib with few rounds, from its documentation',
    'password',
    '$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE',
  ],
  [
    'scrypt, from RFC 7914',
    'pleaseletmein',
    '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw',
  ],
  [
    'argon2id with two lanes',
    'test',
    '$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk',
  ],
  ['argon2i of version 16', 'test', '$argon2i$v=16$m=32,t=2,p=1$AQEBAQEBAQE$N2kVcNhkI9heOXEJ3hDIRA'],
  ['argon2d without a version', 'test', '$argon2d$m=32,t=2,p=1$AQEBAQEBAQE$/ANX2lUYDWVHDGtHWbTeeg'],
  ['bcrypt, $2b$', 'correct horse', bcryptSync('correct horse', 4)],
  ['bcrypt, $2a$', 'correct horse', bcryptSync('correct horse', 4).replace('$2b$', '$2a$')],
  ['bcrypt, from crypt_blowfish', 'U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['bcrypt, $2y$', 'U*U*', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'],
  ['PBKDF2 with SHA-1', 'pleaseletmein', `$pbkdf2-sha1$i=7$${b64(SALT)}$${b64(derived('sha1', 20))}`],
  [
    'PBKDF2 with SHA-512',
    'pleaseletmein',
    `$pbkdf2-sha512$i=7,l=64$${b64(SALT)}$${b64(derived('sha512', 64))}`,
  ],
  [
    'passlib with SHA-1',
    'pleaseletmein',
    `$pbkdf2$7$${b64(SALT).replaceAll('+', '.')}$${b64(derived('sha1', 20)).replaceAll('+', '.')}`,
  ],
  [
    'Django',
    'pleaseletmein',
    `pbkdf2_sha256$7$a salt of some length$${derived('sha256', 32).toString('base64')}`,
  ],
  [
    'padded scrypt',
    'hello',
    `$scrypt$ln=4,r=2,p=3$${SALT.toString('base64')}$${scryptSync('hello', SALT, 32, { N: 16, r: 2, p: 3 }).toString('base64')}`,
  ],
];

test.each(KNOWN)('a hash of %s fits its password and no other', async (_, password, hash) => {
  expect(await fits(hash, password)).toBe(true);
  expect(await fits(hash, `${password}.`)).toBe(false);
  expect(await passwords.isCurrent(hash)).toBe(false);
  // An import stores this form, which is the same hash.
  const read = readHash(hash);
  expect(typeof read === 'string' ? read : await fits(read.text, password)).toBe(true);
});

test('of a password, bcrypt reads 72 bytes', async () => {
  const hash = '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui';
  const whole = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  expect(await fits(hash, `${whole}chars after 72 are ignored`)).toBe(true);
  expect(await fits(hash, whole.slice(0, -1))).toBe(false);
});

test('only a hash with the settings of new ones is current', async () => {
  expect(await passwords.isCurrent(await passwords.hash('correct horse battery'))).toBe(true);
  expect(await passwords.isCurrent(hashSync('x', { memoryCost: 19_456, timeCost: 3 }))).toBe(false);
  expect(await passwords.isCurrent(hashSync('x', { memoryCost: 65_536, timeCost: 2 }))).toBe(false);
  expect(await passwords.isCurrent('nonsense')).toBe(false);
});

const LONG = b64(Buffer.alloc(32, 7));

test.each([
  ['bcrypt', `$2b$16$${'a'.repeat(53)}`, /about 7 s/],
  ['bcrypt, a minute', `$2b$20$${'a'.repeat(53)}`, /about 105 s/],
  ['PBKDF2', `$pbkdf2-sha512$i=999999999$${LONG}$${LONG}`, /about 1000 s/],
  ['PBKDF2 of many blocks', `$pbkdf2-sha1$i=1000000$${LONG}$${b64(Buffer.alloc(64))}`, /about 4 s/],
  ['scrypt, memory', `$scrypt$ln=20,r=8,p=1$${LONG}$${LONG}`, /1025 MiB of memory/],
  ['scrypt, lanes', `$scrypt$ln=16,r=8,p=1000$${LONG}$${LONG}`, /about \d+ s/],
  ['Firebase', `$fbscrypt$v=1,n=24,r=8,p=1,ss=Bw,sk=${LONG}$${LONG}$${LONG}`, /of memory/],
  ['argon2, memory', `$argon2id$v=19$m=4194304,t=1,p=1$${LONG}$${LONG}`, /4096 MiB of memory/],
  ['argon2, passes', `$argon2id$v=19$m=65536,t=1000,p=1$${LONG}$${LONG}`, /about 64 s/],
])('%s beyond the bounds is refused by its parameters, and never computed', async (_, hash, why) => {
  const begun = performance.now();
  expect(readHash(hash)).toMatch(why);
  // The same if it is in the database all the same.
  expect(await fits(hash, 'x')).toBe(false);
  expect(performance.now() - begun).toBeLessThan(2000);
});

test.each([
  ['an empty text', ''],
  ['a plain password', 'hunter22'],
  ['MD5', '5f4dcc3b5aa765d61d8327deb882cf99'],
  ['a short hash', `$pbkdf2-sha256$i=7$${LONG}$AAAA`],
  ['a length that is not its own', `$pbkdf2-sha256$i=7,l=20$${LONG}$${LONG}`],
  ['no iterations', `$pbkdf2-sha256$i=0$${LONG}$${LONG}`],
  ['no salt', `$scrypt$ln=4,r=8,p=1$$${LONG}`],
  ['broken base64', `$scrypt$ln=4,r=8,p=1$${LONG}$${LONG}!`],
  ['another bcrypt', `$2x$10$${'a'.repeat(53)}`],
  ['a short bcrypt', `$2b$10$${'a'.repeat(52)}`],
  ['bcrypt without work', `$2b$03$${'a'.repeat(53)}`],
  ['argon2 without lanes', `$argon2id$v=19$m=64,t=1,p=0$${LONG}$${LONG}`],
  ['argon2 with too little memory', `$argon2id$v=19$m=8,t=1,p=2$${LONG}$${LONG}`],
  ['Firebase without a signer key', `$fbscrypt$v=1,n=4,r=8,p=1,ss=Bw,sk=$${LONG}$${LONG}`],
  ['something after the hash', `$2b$10$${'a'.repeat(53)}\n`],
  ['a very long text', `$scrypt$ln=4,r=8,p=1$${'A'.repeat(2000)}$${LONG}`],
])('%s is no hash, and fits no password', async (_, text) => {
  expect(typeof readHash(text)).toBe('string');
  expect(await fits(text, text)).toBe(false);
});

test('bcrypt holds no other work of the process', async () => {
  const hash = bcryptSync('correct horse', 10);
  await fits(hash, 'warm-up');
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  await Promise.all(Array.from({ length: 4 }, () => fits(hash, 'correct horse')));
  clearInterval(timer);
  // One comparison takes about 100 ms.
  expect(longest).toBeLessThan(60);
});

test('a failure takes as long as with the slowest imported hashes that were met lately', async () => {
  const evenOut = new EvenOut();
  evenOut.note('fast', 10);
  evenOut.note('slow', 100);
  const begun = performance.now();
  await evenOut.wait(begun);
  // A timer may fire a little early.
  expect(performance.now() - begun).toBeGreaterThan(140);
});

test('failures are evened out for imported, own and unknown accounts alike', async () => {
  const own = createPasswords({ issuer: 'https://auth.example.com', audience: 'api', serviceName: 'x' });
  const [noted, waited] = [jest.spyOn(EvenOut.prototype, 'note'), jest.spyOn(EvenOut.prototype, 'wait')];
  const slow = bcryptSync('correct horse', 4);
  const hashes = [slow, await own.hash('correct horse'), undefined];
  for (const hash of hashes)
    expect(await own.matches(() => Promise.resolve(hash), 'wrong', asker)).toBe(false);
  expect(waited).toHaveBeenCalledTimes(hashes.length);
  // Only imported hashes take another time than the rest.
  expect(noted).toHaveBeenCalledTimes(1);
  jest.restoreAllMocks();
});
