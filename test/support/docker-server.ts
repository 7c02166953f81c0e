import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { hasDocker } from './programs';
import type { TestServer } from './server-process';

export const HOW_TO_INSTALL =
  'The tests need Postgres and Redis: install the programs postgres and redis-server (on Debian or Ubuntu: ' +
  'apt-get install postgresql redis-server), or start Docker, or set TEST_DATABASE_URL and TEST_REDIS_URL.';

/** One service of the compose file, in its own project. */
export async function launchInDocker(service: 'postgres' | 'redis'): Promise<TestServer> {
  if (!hasDocker()) throw new Error(HOW_TO_INSTALL);
  const project = `tokenfence-test-${service}-${process.pid}-${Date.now()}`;
  const compose = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('docker', ['compose', '-p', project, ...args], {
      env: {
        ...process.env,
        POSTGRES_PASSWORD: 'test',
        REDIS_PASSWORD: 'test',
        SECRET: 'unused',
        POSTGRES_PORT: '0',
        REDIS_PORT: '0',
      },
    });
    return stdout.trim();
  };
  await compose('up', '-d', '--wait', service);
  const port =
    (await compose('port', service, service === 'postgres' ? '5432' : '6379')).split(':').at(-1) ?? '';
  const url =
    service === 'postgres'
      ? `postgres://tokenfence:test@127.0.0.1:${port}/tokenfence`
      : `redis://:test@127.0.0.1:${port}`;
  return {
    url,
    kill: () => compose('kill', '-s', 'SIGKILL', service).then(() => undefined),
    start: () => compose('up', '-d', '--wait', service).then(() => undefined),
    pause: () => void execFileSync('docker', ['compose', '-p', project, 'pause', service]),
    resume: () => void execFileSync('docker', ['compose', '-p', project, 'unpause', service]),
    dispose: () => compose('down', '-v').then(() => undefined),
  };
}
