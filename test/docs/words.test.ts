import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');

/** The pages of a folder, or of its folders, by their path from the root. */
const pagesIn = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => join(folder, name));

const guides = ['README.md', ...pagesIn('docs')];
const pages = [...guides, 'CONTRIBUTING.md', 'SECURITY.md', ...pagesIn('examples'), ...pagesIn('bench')];

/** The text of a page without its blocks of code, where `[a](b)` and `# a` mean something else. */
const prose = (page: string) => read(page).replaceAll(/^( *)```.*?^\1```$/gms, '');

/** The anchor that GitHub gives to a heading. */
const anchorOf = (heading: string) =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (page: string) =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

const linksOf = (page: string) =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^https?:/.test(target));

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? from : join(dirname(from), path);
  if (!existsSync(join(ROOT, target))) return false;
  if (anchor === undefined) return true;
  return statSync(join(ROOT, target)).isFile() && anchorsOf(target).includes(anchor);
}

/** The files of this repository that a text names. One in `dist/` stands for its source. */
const filesIn = (text: string) =>
  [...text.matchAll(/(?<![\w/.-])(?:[\w.-]+\/)+[\w.-]+\.(?:[mc]?[jt]s|md)\b/g)]
    .map(([path]) =>
      path
        .replace(/^\.\//, '')
        .replace(/(?<![^/])dist\//, '')
        .replace(/\.js$/, '.ts'),
    )
    .filter((path) => /^(?:src|test|bench|docs|examples|migrations)\//.test(path));

const cellsOf = (page: string) =>
  prose(page)
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
    .flatMap((line) => line.split('|').map((cell) => cell.trim()));

test('the README is one page', () => {
  expect(read('README.md').split(/\s+/).filter(Boolean).length).toBeLessThanOrEqual(900);
});

test('the README names and links every example', () => {
  const examples = readdirSync(join(ROOT, 'examples')).map((name) => `examples/${name}/README.md`);
  expect(linksOf('README.md')).toEqual(expect.arrayContaining(examples));
});

test('the README links every guide', () => {
  expect(linksOf('README.md')).toEqual(expect.arrayContaining(pagesIn('docs')));
});

test.each(pages)('every link of %s leads somewhere', (page) => {
  expect(linksOf(page).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
});

test.each([...pages, 'CHANGELOG.md', 'Dockerfile', 'docker-compose.yml', '.env.example'])(
  'every file that %s names is there',
  (page) => {
    expect(filesIn(read(page)).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  },
);

test.each(guides)('no cell of a table in %s is over 80 characters', (page) => {
  expect(cellsOf(page).filter((cell) => cell.length > 80)).toEqual([]);
});

test.each(pagesIn('docs'))('%s begins with links to all its sections', (page) => {
  const [beginning = '', ...sections] = prose(page).split(/^## /m);
  const links = [...beginning.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  const anchors = sections.map((section) => anchorOf(section.slice(0, section.indexOf('\n'))));
  expect(links).toEqual(expect.arrayContaining(anchors));
});
