export default async function globalTeardown(): Promise<void> {
  for (const server of globalThis.testServers) await server.dispose();
}
