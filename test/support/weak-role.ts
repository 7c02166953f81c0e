import { createWorld, type World } from './world';

/** Runs `work` on a database without tables, with the address of a role that may not create any there. */
export async function withWeakRole(work: (world: World, url: string) => Promise<void>): Promise<void> {
  const world = await createWorld({ redis: null });
  const role = `weak_${process.pid}`;
  await world.sql(`create role ${role} login`);
  try {
    await world.sql('drop schema public cascade');
    await world.sql('create schema public');
    await world.sql(`grant usage on schema public to ${role}`);
    const url = new URL(world.databaseUrl);
    url.username = role;
    await work(world, url.href);
  } finally {
    await world.sql(`drop owned by ${role}`);
    await world.sql(`drop role ${role}`);
    await world.close();
  }
}
