import { createPolicy } from '../../src/passwords/policy';

const faultOf = createPolicy({
  issuer: 'https://auth.acme-bank.example:8443/x',
  audience: 'payments',
  serviceName: 'Café Müller & Sons',
});
const EMAIL = 'ada.lovelace@example.org';

test.each([
  ['the own email', EMAIL],
  ['the own email, written otherwise', 'ADA.Lovelace@Example.ORG'],
  ['its first part, and a sign', 'ada.lovelace!'],
  ['a word of it, and digits', 'lovelace123'],
  ['its domain', 'example.org1'],
  ['the host of the service', 'auth.acme-bank.example'],
  ['a word of the host, twice', 'acmeacme'],
  ['the audience', 'Payments1!'],
  ['the name of the service, and a digit', 'Café Müller & Sons1'],
  ['words of that name', 'MÜLLERcafé'],
  ['this software', 'tokenfence'],
  ['this software, and a year', 'Tokenfence 26'],
  ['email and service', 'ada.lovelace@payments'],
  ['full-width letters of it', 'ｔｏｋｅｎｆｅｎｃｅ'],
])('a password that is only a name is refused: %s', (_name, password) => {
  expect(faultOf(password, EMAIL)).toMatch(/your email or the name of this service/);
});

test.each([
  ['one character', 'zzzzzzzzz', /different characters/],
  ['spaces', ' '.repeat(8), /different characters/],
  ['a few in turn', 'xyzxyzxyzxyz', /different characters/],
  ['one emoji', '😀'.repeat(10), /different characters/],
  ['upwards', 'hijklmnopq', /sequence/],
  ['downwards', 'zyxwvutsrq', /sequence/],
])('a password that is a pattern is refused: %s', (_name, password, fault) => {
  expect(faultOf(password, EMAIL)).toMatch(fault);
});

test.each([
  ['a name in a phrase', 'my tokenfence holds'],
  ['the email in a phrase', `${EMAIL} is mine`],
  ['no letters', '4071 9923'],
  ['spaces around', '  horse  '],
  ['short words of the email', 'adaadaada or'],
  ['anything else', 'correct horse battery'],
])('other passwords are accepted: %s', (_name, password) => {
  expect(faultOf(password, EMAIL)).toBeUndefined();
});
