import { connect } from 'node:net';

/** ms of processor time that this process has used. */
const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Runs `work` and returns the longest turn of this process's event loop meanwhile, in ms. The lower of wall time and
 * processor time counts: a busy machine makes the first longer, other threads the second.
 */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isOver = false;
  let beganAt = performance.now();
  let usedBefore = processorTime();
  const look = () => {
    const held = Math.min(performance.now() - beganAt, processorTime() - usedBefore);
    longest = Math.max(longest, held);
    if (isOver) return;
    beganAt = performance.now();
    usedBefore = processorTime();
    setImmediate(look);
  };
  setImmediate(look);
  try {
    await work();
  } finally {
    isOver = true;
  }
  return longest;
}

/** Sends bytes to a node at once. Resolves with the whole answer when the node closes the connection. */
export function exchange(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const connection = connect(Number(port), hostname, () => connection.write(bytes));
    connection.setNoDelay();
    connection.on('data', (part) => parts.push(part));
    connection.on('error', reject);
    connection.on('close', () => resolve(Buffer.concat(parts).toString()));
  });
}
