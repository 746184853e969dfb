import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SERVER_IMAGE, SERVER_VERSION } from '../src/images/server-image.ts';
import { createJobs, produceJobs, workOff } from './support/jobs.ts';
import { exitCode, logs, podman, stop, tryPodman } from './support/podman.ts';
import { healthStatus, startServer } from './support/server.ts';

/** The restrictions of a cautious operator. */
const HARDENED = [
  '--read-only',
  '--read-only-tmpfs=false',
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
];

it('has the server as its entry point, and a command that can be replaced', async () => {
  const [image] = JSON.parse(await podman('image', 'inspect', SERVER_IMAGE));
  expect(image.Config).toMatchObject({
    Entrypoint: ['querator'],
    Cmd: ['server', '--config', '/config/default.yaml'],
    ExposedPorts: { '2319/tcp': {} },
    Volumes: { '/data': {} },
    WorkingDir: '/data',
    User: '1000',
  });
  expect(image.Healthcheck.Test[0]).toBe('CMD');
});

it('prints the version that it was built with', async () => {
  expect(await podman('run', '--rm', SERVER_IMAGE, 'version')).toBe(`querator ${SERVER_VERSION}`);
});

it('serves items with a read-only root and without capabilities, and stops in good order', async () => {
  const server = await startServer(...HARDENED);
  expect(await healthStatus(server.endpoint)).toBe(200);
  await createJobs(server.client);
  await produceJobs(server.client, 'one', 'two', 'three');
  expect(await workOff(server.client, 2)).toEqual(['one', 'two']);

  const status = await podman('exec', server.name, 'cat', '/proc/1/status');
  expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
  expect(status).toMatch(/^CapEff:\t0+$/m);
  expect((await tryPodman('exec', server.name, 'touch', '/opt/querator/file')).output).toContain('Read-only');

  expect(await stop(server.name)).toBe(0);
  expect(await logs(server.name)).toContain('HTTP server shut down');
});

it('answers a waiting consumer when it is stopped', async () => {
  const server = await startServer();
  await createJobs(server.client);
  const waiting = server.client.queue.lease({
    ...{ queueName: 'jobs', requestTimeout: '5m', clientId: 'patient', batchSize: 1 },
  });
  const answer = expect(waiting).rejects.toMatchObject({ code: 'failed' });
  await expect
    .poll(async () => (await server.client.queue.stats({ queueName: 'jobs' })).logicalQueues[0]?.leaseWaiting)
    .toBe(1);
  expect(await stop(server.name)).toBe(0);
  await answer;
});

it('is healthy by its own check while it serves', async () => {
  const server = await startServer();
  expect((await tryPodman('healthcheck', 'run', server.name)).code).toBe(0);
});

it('is unhealthy while its database is unreachable, and keeps running', async () => {
  const storage = {
    driver: 'postgres',
    config: { 'connection-string': 'postgres://querator:querator@127.0.0.1:1/querator' },
  };
  const server = await startServer(
    mountConfig({
      address: '0.0.0.0:2319',
      'queue-storage': storage,
      'partition-storage': [{ name: 'postgres-01', ...storage }],
    }),
  );
  expect(await healthStatus(server.endpoint)).toBe(503);
  expect((await tryPodman('healthcheck', 'run', server.name)).code).toBe(1);
  expect(await stop(server.name)).toBe(0);
});

it('prints what is wrong with its configuration, and exits', async () => {
  const config = mountConfig({ adress: '0.0.0.0:2319' });
  const { code, output } = await tryPodman('run', '--rm', config, SERVER_IMAGE);
  expect(code).toBe(1);
  expect(output).toContain('adress');
});

it('reads its log level from the environment', async () => {
  const server = await startServer('--env=QUERATOR_LOG_LEVEL=error');
  await stop(server.name);
  expect(await logs(server.name)).toBe('');
});

it('can write to the volume under /data only', async () => {
  const server = await startServer(...HARDENED, '--volume=image-test-data:/data');
  onTestFinished(async () => void (await tryPodman('volume', 'rm', '--force', 'image-test-data')));
  await podman('exec', server.name, 'touch', 'written');
  expect(await podman('exec', server.name, 'ls', '/data')).toBe('written');
  expect((await tryPodman('exec', server.name, 'touch', '/tmp/written')).output).toContain('Read-only');
});

it('keeps the heap of Node well below the memory limit of the container', async () => {
  const script = 'console.log(require("v8").getHeapStatistics().heap_size_limit)';
  const flags = ['--rm', '--memory=512m', '--entrypoint=node'];
  const limit = Number(await podman('run', ...flags, SERVER_IMAGE, '-e', script));
  expect(limit).toBeGreaterThan(128 * 1024 ** 2);
  expect(limit).toBeLessThan(384 * 1024 ** 2);
});

it('may open as many files as the hard limit allows', async () => {
  // With one limit given, podman raises the other to its default, which a sandbox may forbid.
  const server = await startServer('--ulimit=nofile=512:1024', '--ulimit=nproc=1024:1024');
  expect(await podman('exec', server.name, 'cat', '/proc/1/limits')).toMatch(/^Max open files +1024 +1024/m);
});

it('exits at the first of two signals', async () => {
  const server = await startServer();
  await podman('kill', '--signal=SIGTERM', server.name);
  await tryPodman('kill', '--signal=SIGTERM', server.name);
  expect(await exitCode(server.name)).toBe(0);
});

/** The flag that replaces the image's configuration, for one test. */
function mountConfig(config: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'querator-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'querator.yaml');
  writeFileSync(file, JSON.stringify(config));
  return `--volume=${file}:/config/default.yaml:ro`;
}
