// A browser with the page of examples/mail-links, without a screen: it opens a link, types into the fields and presses
// the button. It prints what a person then sees.
const [link, typed = ''] = process.argv.slice(2);
const { origin, pathname, hash } = new URL(link);
const html = await (await fetch(link)).text();

const seen = { token: undefined };
globalThis.location = { pathname, hash };
globalThis.history = { replaceState: (_state, _title, path) => (seen.address = origin + path) };
const realFetch = fetch;
globalThis.fetch = (path, options) => {
  seen.token = JSON.parse(options.body).variables.token;
  return realFetch(new URL(path, origin), options);
};

let submit;
const elements = new Map(
  [...html.matchAll(/<(\w+)[^>]*? id="([\w-]+)"([^>]*)>/g)].map(([, , id, rest]) => [
    id,
    {
      hidden: / hidden/.test(rest),
      value: typed,
      addEventListener: (_event, listener) => (submit = listener),
    },
  ]),
);
globalThis.document = {
  getElementById(id) {
    if (!elements.has(id)) throw new Error(`The page has no element "${id}".`);
    return elements.get(id);
  },
};

await import('../../examples/mail-links/page.mjs');
const textOf = (id) => elements.get(id).textContent;
const shows = ['email', 'password'].filter((id) => !elements.get(id).hidden);
const title = textOf('title');
await submit({ preventDefault: () => undefined });
const isOver = elements.get('form').hidden;
console.log(JSON.stringify({ ...seen, title, shows, message: textOf('message'), isOver }));
