import { cpSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { openPage, startChromium } from '../support/chromium';
import { freePort } from '../support/servers';
import { run } from '../package/projects';
import { createWorld, type World } from '../support/world';
import { EXAMPLES, type ExampleProcess, startExample } from './example-process';

const ROOT = join(EXAMPLES, '..');
const folder = mkdtempSync(join(tmpdir(), 'tokenfence-react-'));
/** A copy of the example, with what its `package.json` asks for. */
const copy = join(folder, 'app');

let world: World;
let vite: ExampleProcess;
let browser: Browser;
let url: string;
/** Fails with what the compiler says. It runs while the browser is tested. */
let types: Promise<unknown>;

beforeAll(async () => {
  cpSync(join(EXAMPLES, 'react-app'), copy, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(copy, 'node_modules'));
  symlinkSync(ROOT, join(copy, 'node_modules/tokenfence'));
  types = run(copy, process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')]);
  types.catch(() => undefined);
  const [port] = await Promise.all([freePort(), createWorld().then((made) => (world = made))]);
  url = `http://127.0.0.1:${port}/`;
  const node = await world.node();
  const args = [copy, '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
  [vite, browser] = await Promise.all([
    startExample(join(ROOT, 'node_modules/vite/bin/vite.js'), 'Local:', { API_URL: node.url }, args),
    startChromium(),
  ]);
});
afterAll(async () => {
  await browser.close();
  await vite.stop();
  await world.close();
  await rm(folder, { recursive: true });
});

const openDevice = async (userAgent: string) => {
  const context = await browser.newContext({ userAgent });
  const { page, faults } = await openPage(context);
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const enter = async (button: string, password = 'correct horse battery') => {
    await page.getByLabel('Email').fill('ada@example.com');
    await page.getByLabel('Password').fill(password);
    await press(button);
  };
  /** Waits for a text. */
  const reads = (text: string) => page.getByText(text).waitFor();
  await page.goto(url);
  return { page, faults, press, enter, reads };
};
const SIGNED_OUT = 'You were signed out on another device';

test('a user sees the devices, and one that is logged out on another shows it at once', async () => {
  const laptop = await openDevice('Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0');
  await laptop.enter('Create an account');
  await laptop.reads('This device');

  const phone = await openDevice('Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Safari/537.36');
  await phone.enter('Sign in', 'not the password');
  await phone.page.getByRole('alert').getByText('password').waitFor();
  await phone.enter('Sign in');
  await phone.reads('Chrome on Android');
  await phone.reads('Firefox on Linux');

  // The list follows the other devices.
  await laptop.press('Sign out');
  await laptop.reads('You have signed out.');
  await phone.page.getByText('Firefox on Linux').waitFor({ state: 'detached' });

  // The session outlives a reload, without a token in any storage.
  await laptop.enter('Sign in');
  await laptop.reads('Chrome on Android');
  const stored = 'JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])';
  expect(await laptop.page.evaluate(stored)).toBe('["",{},{}]');
  await phone.page.reload();

  await phone.press('Log out Firefox on Linux');
  await phone.reads('The device is logged out.');
  await laptop.reads(SIGNED_OUT);

  await laptop.enter('Sign in');
  await laptop.reads('This device');
  await phone.page.reload();
  await phone.reads('Firefox on Linux');
  await phone.press('Log out other devices');
  await phone.reads('All other devices are logged out.');
  await laptop.reads(SIGNED_OUT);
  await phone.reads('This device');

  // A browser reports each refusal itself.
  const faults = [...laptop.faults, ...phone.faults].filter((fault) => !fault.includes('401 (Unauthorized)'));
  expect(faults).toEqual([]);
});

test('its types are right', async () => {
  await expect(types).resolves.toBeDefined();
});
