import { type Proxy, startProxy } from './proxy';
import { createWorld, type Env } from './world';
import { worldMaker } from './world-maker';

/** Returns a maker of nodes, each in a world of its own and behind proxies to both stores. All end with the test. */
export function cutOffNodeMaker() {
  const proxies: Proxy[] = [];
  // In this order: a world closes while its stores answer.
  afterEach(() => {
    for (const proxy of proxies) proxy.restore();
  });
  const newWorld = worldMaker(createWorld);
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  return async (env: Env = {}) => {
    const world = await newWorld();
    const [postgres, redis] = [await startProxy(world.databaseUrl), await startProxy(world.redisUrl!)];
    proxies.push(postgres, redis);
    const node = await world.node({ ...env, DATABASE_URL: postgres.url, REDIS_URL: redis.url });
    return { world, node, postgres, redis };
  };
}
