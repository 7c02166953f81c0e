import { sep } from 'node:path';
import TestSequencer from '@jest/test-sequencer';

/** The files that take longest. */
const LONGEST = [
  'package/package',
  'faults/redis',
  'commands/accounts-in-faults',
  'redis/sentinels',
  'redis/cluster',
  'features/mail',
  'chaos/chaos',
  'examples/services',
  'model/protocol',
  'model/followers',
  'recipes/proxies',
  'model/embedded',
  'features/enumeration',
  'features/statements',
  'federation/gateways',
  'features/mail-limits',
  'features/revocation-of-all',
  'features/event-loop',
  'features/reseal',
  'embedded/embedded',
  'examples/embedded-apollo',
  'examples/react-app',
].map((name) => `${name.replace('/', sep)}.test.ts`);

const rankOf = ({ path }) => {
  const rank = LONGEST.findIndex((name) => path.endsWith(sep + name));
  return rank < 0 ? LONGEST.length : rank;
};

/**
 * Begins with the files that take longest, so that none is left for the end. Jest knows how long a file takes only from
 * an earlier run. Without one it goes by the sizes of the files, and some of the longest tests are in short files.
 */
export default class Sequencer extends TestSequencer {
  sort(tests) {
    return super.sort(tests).sort((one, other) => rankOf(one) - rankOf(other));
  }
}
