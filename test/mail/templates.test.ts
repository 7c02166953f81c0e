import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PURPOSE_OF } from '../../src/core/link';
import { MAIL_KINDS } from '../../src/core/mail';
import { StartError } from '../../src/core/start-error';
import { readTemplates } from '../../src/mail/read-templates';
import { escapeHtml, faultsOf, fillIn, TEMPLATE_NAMES } from '../../src/mail/templates';
import { OUR_TEMPLATES } from '../../src/mail/texts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'templates-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const write = (files: Record<string, string | Buffer>) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
};

const faultsIn = async (path = folder) => {
  const error: unknown = await readTemplates(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message.split('\n');
};

test('our own templates have no fault, and each kind of mail has one', () => {
  expect(Object.keys(OUR_TEMPLATES).sort()).toEqual([...TEMPLATE_NAMES].sort());
  expect(TEMPLATE_NAMES).toEqual(expect.arrayContaining([...MAIL_KINDS]));
  for (const name of TEMPLATE_NAMES)
    for (const part of ['subject', 'text', 'html'] as const)
      expect([name, part, faultsOf(name, part, OUR_TEMPLATES[name][part])]).toEqual([name, part, []]);
});

test('a mail has a link if there is a purpose for it', () => {
  for (const kind of MAIL_KINDS)
    expect([kind, OUR_TEMPLATES[kind].text.includes('{{link}}')]).toEqual([
      kind,
      PURPOSE_OF[kind] !== undefined,
    ]);
});

test('a folder replaces ours file by file, and other files are left alone', async () => {
  write({
    'password-reset.subject.txt': '\ufeffNeues Passwort für {{service}}\n',
    'password-reset.txt': 'Hier: {{ link }}',
    'README.md': 'ours',
    '.notes.txt': '{{nothing}}',
  });
  const templates = await readTemplates(folder);
  expect(templates['password-reset']).toEqual({
    subject: 'Neues Passwort für {{service}}',
    text: 'Hier: {{ link }}',
    html: OUR_TEMPLATES['password-reset'].html,
  });
  expect(templates.invitation).toEqual(OUR_TEMPLATES.invitation);
});

test('every fault of every file is named at once', async () => {
  write({
    'password-reset.txt': 'No place of that {{name}}, and {{name}}.',
    'password-reset.html': '<p>{{newEmail}} {{link}}</p>',
    'password-reset.subject.txt': 'One\nTwo',
    'invitation.subject.txt': ' \n',
    'invitation.txt': '{{link} {{ link }}',
    'new-device.txt': Buffer.from([0xff, 0xfe, 0x00]),
    'new-device.html': 'x'.repeat(256 * 1024 + 1),
    'pasword-reset.txt': '{{link}}',
  });
  mkdirSync(join(folder, 'email-changed.txt'));
  const [first, ...faults] = await faultsIn();
  expect(first).toBe('The templates in MAIL_TEMPLATES cannot be used.');
  expect(faults).toEqual([
    'email-changed.txt cannot be read (EISDIR).',
    'invitation.subject.txt is empty.',
    'invitation.txt has braces that are no place. Write a place as {{email}}.',
    'new-device.html is longer than 256 KiB.',
    'new-device.txt is not UTF-8.',
    expect.stringMatching(
      /^password-reset.html has the unknown place \{\{newEmail\}\}. It may have: service, /,
    ),
    'password-reset.subject.txt is more than one line. A subject is one line.',
    expect.stringMatching(/^password-reset.txt has the unknown place \{\{name\}\}/),
    'password-reset.txt lacks {{link}}, which this mail is for.',
    'pasword-reset.txt is not the name of a template. Names are like password-reset.txt.',
  ]);
});

test('a folder that is not there is named', async () => {
  expect(await faultsIn(join(folder, 'none'))).toEqual([
    `MAIL_TEMPLATES is not a folder that can be read (ENOENT): ${join(folder, 'none')}`,
  ]);
});

test('a value is text: it is escaped in HTML, and no place in it is filled in', () => {
  const values = { service: `<b>"A & B's"</b> {{link}} $& $1`, link: 'secret' };
  expect(fillIn('{{service}}', values, (value) => value)).toBe(values.service);
  expect(fillIn('<a title="{{ service }}">', values, escapeHtml)).toBe(
    '<a title="&lt;b&gt;&quot;A &amp; B&#39;s&quot;&lt;/b&gt; {{link}} $&amp; $1">',
  );
});
