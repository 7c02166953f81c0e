import { startPostgres, type TestServer } from './servers';
import { createWorld, type World } from './world';

/** Returns a maker of worlds. Each world is closed after the test that made it. */
export function worldMaker<A extends unknown[]>(create: (...args: A) => Promise<World>) {
  const worlds: World[] = [];
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });
  return async (...args: A): Promise<World> => {
    const world = await create(...args);
    worlds.push(world);
    return world;
  };
}

/** Starts a Postgres for this test file, and returns a maker of worlds on it: databases that nothing has migrated. */
export function worldMakerOnOwnPostgres() {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.dispose());
  return worldMaker((redis?: string | null) => createWorld({ postgres: server.url, redis }));
}
