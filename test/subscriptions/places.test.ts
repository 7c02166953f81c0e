import { once } from 'node:events';
import { Socket } from 'node:net';
import { createPlaces } from '../../src/subscriptions/places';

test('no count outlives its connections, whatever their addresses', async () => {
  const places = createPlaces({ ofNode: 100, ofAddress: 10, ofSite: 10 });
  const connections = Array.from({ length: 50 }, () => new Socket());
  connections.forEach((connection, index) => {
    expect(places.take(connection, `2001:db8:${index}::1`)).toBe('TAKEN');
  });
  expect(places.counted).toBe(100);
  await Promise.all(
    connections.map((connection) => {
      const closed = once(connection, 'close');
      connection.destroy();
      return closed;
    }),
  );
  expect(places.counted).toBe(0);
  // Its `close` event is over.
  expect(places.take(connections[0]!, '2001:db8::1')).toBe('TAKEN');
  expect(places.counted).toBe(0);
});
