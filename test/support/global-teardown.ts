import { rm } from 'node:fs/promises';

export default async function globalTeardown(): Promise<void> {
  for (const server of globalThis.testServers) await server.dispose();
  for (const folder of [process.env.PREPARED_EMBEDDED_FOLDER, process.env.PREPARED_POSTGRES_FOLDER])
    await rm(folder ?? '', { recursive: true, force: true });
}
