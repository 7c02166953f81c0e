import type { Config } from '../../src/config/config';
import { systemClock } from '../../src/core/clock';
import { outlasting } from '../../src/protocol/lease';
import { assembleConfirmation } from '../../src/server/wire-confirmation';
import { logged } from '../support/protocol-node';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a command beside an embedded database confirms when all that its server granted is over', async () => {
  const confirm = assembleConfirmation({
    config: { store: { mode: 'embedded' }, revocationLease: 1000 } as Config,
    // The server ran with a longer lease than the command is set to.
    agreement: { databaseId: 'D', usesRedis: false, revocationLease: 5000 },
    truth: {} as never,
    clock: systemClock,
  });
  await expect(confirm([])).resolves.toEqual({ confirmed: true });
  let receipt: unknown;
  void confirm([logged({ kind: 'SESSION', userId: 'U', sessionId: 'S' })]).then((given) => (receipt = given));
  await jest.advanceTimersByTimeAsync(outlasting(5000) - 1);
  expect(receipt).toBeUndefined();
  await jest.advanceTimersByTimeAsync(2);
  expect(receipt).toEqual({ confirmed: true });
});
