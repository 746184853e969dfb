import { join } from 'node:path';
import process from 'node:process';
import { createClient } from '@querator/client';
import { freePort, mustRun } from '@querator/tooling-processes';
import { afterAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { root } from '../src/repository.ts';
import { runHealthChecks } from './support/health-timers.ts';
import { countJobs, createJobs, produceJobs, workOff } from './support/jobs.ts';
import { exitCode, logs, podman } from './support/podman.ts';
import { answers, healthStatus } from './support/server.ts';

const SERVER = 'querator-querator-1';
const POSTGRES = 'querator-postgres-1';
const port = await freePort();
const endpoint = `http://127.0.0.1:${port}`;
const client = createClient({ endpoint });

function compose(...args: readonly string[]): Promise<string> {
  const program = process.env['QUERATOR_CONTAINERS_COMPOSE'] ?? 'docker-compose';
  const file = join(root, 'docker/compose.yaml');
  return mustRun(program, ['--file', file, ...args], {
    env: { ...process.env, QUERATOR_PORT: String(port) },
  });
}

const started = async () => (await podman('inspect', '--format={{.State.StartedAt}}', SERVER)).trim();

// The tests depend on each other: each but the last leaves a running server.
beforeEach(runHealthChecks);
afterAll(() => compose('down', '--volumes', '--timeout=20'));

it('comes up on PostgreSQL and is healthy', async () => {
  await compose('up', '--detach', '--no-build', '--wait');
  expect(await healthStatus(endpoint)).toBe(200);
});

it('produces, leases and completes items', async () => {
  await createJobs(client);
  await produceJobs(client, 'one', 'two', 'three', 'four');
  expect(await workOff(client, 1)).toEqual(['one']);
});

it('stops in good order with compose, and has the items after the next start', async () => {
  await compose('stop');
  expect(await exitCode(SERVER)).toBe(0);
  expect(await logs(SERVER)).toContain('HTTP server shut down');
  expect(await exitCode(POSTGRES)).toBe(0);
  await compose('up', '--detach', '--no-build', '--wait');
  expect(await countJobs(client)).toBe(3);
  expect(await workOff(client, 1)).toEqual(['two']);
});

it('is restarted by the engine when its process is killed, and has the items', async () => {
  const before = await started();
  const pid = Number(await podman('inspect', '--format={{.State.Pid}}', SERVER));
  // 0 if it does not run, which would mean all processes of this run.
  expect(pid).toBeGreaterThan(1);
  process.kill(pid, 'SIGKILL');
  await vi.waitUntil(async () => (await started()) !== before, { timeout: 30_000, interval: 100 });
  await answers(endpoint);
  expect(await workOff(client, 1)).toEqual(['three']);
});

it('waits for a stopped database, and has the items once it is back', async () => {
  await compose('stop', 'postgres');
  await vi.waitUntil(async () => (await healthStatus(endpoint)) === 503, { timeout: 30_000, interval: 100 });
  await compose('start', 'postgres');
  await vi.waitUntil(async () => (await healthStatus(endpoint)) === 200, { timeout: 60_000, interval: 100 });
  expect(await workOff(client, 1)).toEqual(['four']);
  expect(await countJobs(client)).toBe(0);
});

it('stops within the time that compose allows while its database does not answer', async () => {
  await podman('pause', POSTGRES);
  onTestFinished(async () => void (await podman('unpause', POSTGRES)));
  const produced = produceJobs(client, 'five').then(
    () => 'stored',
    () => 'refused',
  );
  await compose('stop', 'querator');
  expect(await exitCode(SERVER)).toBe(0);
  expect(await produced).toBe('refused');
});
