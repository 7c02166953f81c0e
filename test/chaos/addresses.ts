/**
 * Returns a maker of addresses of this machine, each another one. A node counts against an address what its followers do
 * wrong, and then grants them nothing for long. Without it, a few faults would keep every service from following.
 *
 * Only Linux has them. Elsewhere all services have one address.
 */
export function createAddresses(): () => string {
  let count = 0;
  return () => {
    if (process.platform !== 'linux') return '127.0.0.1';
    count += 1;
    const [high, middle, low] = [(count >> 15) & 127, (count >> 7) & 255, (count & 127) + 2];
    return `127.${high + 1}.${middle}.${low}`;
  };
}
