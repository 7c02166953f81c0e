import { emailKey, emailPrefixKey, foldCase, hasInvisible } from '../../src/core/email';

test.each([
  ['letter case', 'Ada@Example.COM', 'ada@example.com'],
  ['the final sigma', 'ΟΔΥΣΣΕΥΣ@example.com', 'οδυσσευς@example.com'],
  ['a sigma that is not final', 'οδυσσευσ@example.com', 'οδυσσευς@example.com'],
  ['the long s', 'ſam@example.com', 'SAM@example.com'],
  ['sharp s', 'weiß@example.com', 'WEISS@example.com'],
  ['capital sharp s', 'WEIẞ@example.com', 'weiß@example.com'],
  ['a letter and its accent', 'jose\u0301@example.com', 'jos\u00e9@example.com'],
  ['full-width letters', 'ａｄａ@example.com', 'ada@example.com'],
  ['a ligature', 'ﬁona@example.com', 'fiona@example.com'],
  ['quotation marks', '"ada"@example.com', 'ada@example.com'],
  ['a quoted character', '"a\\da"@example.com', 'ada@example.com'],
  ['a domain as DNS has it', 'ada@bücher.example', 'ada@xn--bcher-kva.example'],
  ['the same in capitals', 'ada@BÜCHER.example', 'ada@XN--BCHER-KVA.example'],
])('two spellings are one email: %s', (_name, one, other) => {
  expect(emailKey(one)).toBe(emailKey(other));
});

test.each([
  ['another letter', 'ada@example.com', 'adá@example.com'],
  ['dots', 'ada.l@example.com', 'adal@example.com'],
  ['a tag', 'ada+shop@example.com', 'ada@example.com'],
  ['domains that DNS tells apart', 'ada@faß.example', 'ada@fass.example'],
])('two emails stay different: %s', (_name, one, other) => {
  expect(emailKey(one)).not.toBe(emailKey(other));
});

test.each([
  ['a part of the name', 'Ada.L', 'ada.lovelace@example.com'],
  ['the whole name', 'ADA@', 'ada@example.com'],
  ['a part of the domain', 'ada@Exam', 'ada@example.com'],
  ['a domain up to its dot', 'ada@example.', 'ada@example.com'],
  ['a domain that begins with a number', 'ada@1', 'ada@163.example'],
  ['a domain in Unicode', 'ada@BÜCHER.example', 'ada@bücher.example'],
  ['a name with an @', 'A@d', '"a@da"@example.com'],
  ['an accent', 'JOSE\u0301', 'jos\u00e9@example.com'],
  ['nothing', '', 'ada@example.com'],
])('the key of the beginning of an email is the beginning of its key: %s', (_name, start, email) => {
  expect(emailKey(email).startsWith(emailPrefixKey(start))).toBe(true);
});

test('each letter has one key in upper case, lower case and every normal form', () => {
  const twins: string[] = [];
  for (let point = 0; point < 0x20000; point++) {
    const letter = String.fromCodePoint(point);
    if (!/\p{L}/u.test(letter)) continue;
    const forms = [
      letter.toUpperCase(),
      letter.toLowerCase(),
      letter.normalize('NFD'),
      letter.normalize('NFKC'),
    ];
    if (forms.some((form) => foldCase(form) !== foldCase(letter))) twins.push(point.toString(16));
  }
  expect(twins).toEqual([]);
});

test.each([
  ['zero width space', 'a\u200bda@example.com'],
  ['zero width joiner', 'ada\u200d@example.com'],
  ['word joiner', '\u2060ada@example.com'],
  ['soft hyphen', 'a\u00adda@example.com'],
  ['variation selector', 'ada\ufe0f@example.com'],
  ['a tag character', 'ada\u{e0041}@example.com'],
  ['Hangul filler', 'ada\u3164@example.com'],
  ['right-to-left override', 'a\u202eda@example.com'],
  ['empty Braille pattern', 'ada\u2800@example.com'],
  ['ideographic space', 'a\u3000da@example.com'],
  ['private use', 'ada\ue000@example.com'],
])('an invisible character is found: %s', (_name, email) => {
  expect(hasInvisible(email)).toBe(true);
  expect(hasInvisible('οδυσσευς+jose\u0301@bücher.example')).toBe(false);
});
