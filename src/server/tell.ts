import type { Config } from '../config/config';

/**
 * Shows a text to a person, such as what to do next. Standard output must stay JSON if it is not a terminal. The text
 * then goes to standard error, and only in the embedded mode, which people start by hand.
 */
export function tell({ store }: Pick<Config, 'store'>, text: string): void {
  if (process.stdout.isTTY) process.stdout.write(text);
  else if (store.mode === 'embedded') process.stderr.write(text);
}
