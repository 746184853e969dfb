import { existsSync } from 'node:fs';
import { request } from 'node:http';
import process from 'node:process';
import { INSTALLED_VERSION } from './server-versions.ts';

const PING_TIMEOUT_MS = 1000;
/** The newest version, like the embedded one. Other tests cover older versions. */
const IMAGE = `postgres:${INSTALLED_VERSION}`;
const CONTAINER_TIMEOUT_MS = 120_000;

/** The address of a Docker engine, unless it needs TLS or SSH. */
function engineAddress(): { socketPath: string } | { host: string; port: number } | undefined {
  const value = process.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock';
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'unix:') return existsSync(url.pathname) ? { socketPath: url.pathname } : undefined;
  if (url?.protocol === 'tcp:' || url?.protocol === 'http:') {
    return { host: url.hostname, port: Number(url.port || 2375) };
  }
  return undefined;
}

/** Whether a Docker engine answers within a second. */
export function dockerAnswers(): Promise<boolean> {
  const address = engineAddress();
  if (address === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const ping = request({ ...address, path: '/_ping', timeout: PING_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.once('close', () => resolve(false));
    ping.end();
  });
}

/**
 * Starts PostgreSQL in a container, through testcontainers.
 *
 * @param settings server settings, as in postgresql.conf.
 */
export async function startContainer(
  settings: Readonly<Record<string, string>>,
): Promise<{ connectionString: string; stop(): Promise<void> }> {
  // Loaded on demand: it is large, and most machines do not need it.
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ POSTGRES_PASSWORD: 'querator' })
    .withCommand([
      'postgres',
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ])
    .withExposedPorts(5432)
    // The image starts the server twice, first without TCP.
    .withWaitStrategy(Wait.forListeningPorts())
    .withStartupTimeout(CONTAINER_TIMEOUT_MS)
    .start();
  const address = `${container.getHost()}:${container.getMappedPort(5432)}`;
  return {
    connectionString: `postgres://postgres:querator@${address}/postgres`,
    async stop(): Promise<void> {
      await container.stop();
    },
  };
}
