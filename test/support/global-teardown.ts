import { rm } from 'node:fs/promises';

export default async function globalTeardown(): Promise<void> {
  for (const server of globalThis.testServers) await server.dispose();
  await rm(process.env.PREPARED_EMBEDDED_FOLDER ?? '', { recursive: true, force: true });
}
