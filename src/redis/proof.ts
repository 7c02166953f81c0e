import type { Redis } from 'ioredis';
import { afterSilence } from '../core/silence';
import { NAME } from './open';

/** ms that an answer may take. */
const PROOF_TIMEOUT = 400;

/**
 * Answers whether a connection lives. Whatever the server answers will do, also that the user may not run this command: it
 * is one of those that ioredis sends to every new connection.
 */
export function lives(client: Redis): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = afterSilence(PROOF_TIMEOUT, () => resolve(false));
    const answered = () => {
      stop();
      resolve(client.status === 'ready' && !client.stream.destroyed);
    };
    client.client('SETNAME', NAME).then(answered, answered);
  });
}
