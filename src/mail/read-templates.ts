import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../core/start-error';
import { faultsOf, type Template, type TemplateName, TEMPLATE_NAMES, type Templates } from './templates';
import { OUR_TEMPLATES } from './texts';

/** Bytes of a file. */
const LONGEST_FILE = 256 * 1024;

const ENDINGS: Readonly<Record<keyof Template, string>> = {
  subject: '.subject.txt',
  text: '.txt',
  html: '.html',
};

/** Each file that may replace a part of ours, by its name. */
const PARTS: ReadonlyMap<string, { readonly name: TemplateName; readonly part: keyof Template }> = new Map(
  TEMPLATE_NAMES.flatMap((name) =>
    Object.entries(ENDINGS).map(
      ([part, ending]) => [`${name}${ending}`, { name, part: part as keyof Template }] as const,
    ),
  ),
);

/** Returns the text of a file, without the mark that some editors write first. Throws a sentence about it. */
async function read(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Error(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`);
  });
  if (bytes.length > LONGEST_FILE) throw new Error(`is longer than ${LONGEST_FILE / 1024} KiB.`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('is not UTF-8.');
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => !name.startsWith('.') && /\.(?:txt|html)$/i.test(name)).sort();
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new StartError(`MAIL_TEMPLATES is not a folder that can be read (${code}): ${folder}`);
  }
}

/**
 * Reads the templates of mails: ours, and those of a folder in place of ours, file by file. Throws `StartError` that
 * names every fault.
 */
export async function readTemplates(folder: string | undefined): Promise<Templates> {
  if (folder === undefined) return OUR_TEMPLATES;
  const templates: Record<TemplateName, Template> = { ...OUR_TEMPLATES };
  const faults: string[] = [];
  for (const file of await namesIn(folder)) {
    const known = PARTS.get(file);
    if (!known) {
      faults.push(`${file} is not the name of a template. Names are like password-reset.txt.`);
      continue;
    }
    const { name, part } = known;
    try {
      const text = await read(join(folder, file));
      faults.push(...faultsOf(name, part, text).map((fault) => `${file} ${fault}`));
      templates[name] = { ...templates[name], [part]: part === 'subject' ? text.trim() : text };
    } catch (error) {
      faults.push(`${file} ${(error as Error).message}`);
    }
  }
  if (faults.length > 0)
    throw new StartError(`The templates in MAIL_TEMPLATES cannot be used.\n${faults.join('\n')}`);
  return templates;
}
