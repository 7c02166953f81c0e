/** Throws in production: there, whoever decides what a guard says would be an open door. */
export function refuseInProduction(name: string): void {
  // eslint-disable-next-line no-restricted-properties -- a test kit has no settings
  if (process.env.NODE_ENV === 'production')
    throw new Error(`${name} is for tests only, and NODE_ENV is "production".`);
}
