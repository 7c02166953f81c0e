import { createWorld, type Env, type TestNode, type World } from './world';

/** Makes something before the tests of this file or block. They use it as the object itself. */
export function shared<T extends object>(make: () => Promise<T>): T {
  const object = {} as T;
  beforeAll(async () => {
    Object.defineProperties(object, Object.getOwnPropertyDescriptors(await make()));
  });
  return object;
}

/** A world for the tests of this file or block. It is closed after them. */
export function sharedWorld(create: () => Promise<World> = createWorld): World {
  const world = shared(create);
  afterAll(() => world.close());
  return world;
}

/** Starts one node of the world for each of these settings, at the same time. They stop with the world. */
export function sharedNodes<Envs extends Env[]>(
  world: World,
  ...envs: Envs
): { [I in keyof Envs]: TestNode } {
  let starting: Promise<TestNode[]> | undefined;
  const start = () => (starting ??= Promise.all(envs.map((env) => world.node(env))));
  return envs.map((_, index) => shared(async () => (await start())[index]!)) as {
    [I in keyof Envs]: TestNode;
  };
}
