import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findProgram } from './programs';

/** Starts a Chromium without a window. It can reach only this machine. */
export async function startChromium(): Promise<Browser> {
  const program = ['chromium', 'chromium-browser', 'google-chrome'].map(findProgram).find(Boolean);
  return chromium.launch({
    // Without one, the Chrome of this machine, where playwright knows its place.
    ...(program === undefined ? { channel: 'chrome' } : { executablePath: program }),
    args: [
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
      // Chromium refuses its sandbox to root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
}

/** A page, and what went wrong in it: scripts that failed, and what was refused or not found. */
export interface WatchedPage {
  readonly page: Page;
  readonly faults: readonly string[];
}

/** Opens an empty page that collects its faults. */
export async function openPage(context: Browser | BrowserContext): Promise<WatchedPage> {
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('requestfailed', (request) => {
    const fault = request.failure()?.errorText ?? '';
    // What the page itself no longer wanted.
    if (fault !== 'net::ERR_ABORTED') faults.push(`${request.url()}: ${fault}`);
  });
  return { page, faults };
}
