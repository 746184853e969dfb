import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, mustRun, ServerProcess } from '@querator/tooling-processes';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
let server: ServerProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  server = await ServerProcess.start({ storage: join(folder, 'queues.db') });
}, 120_000);
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** The operating system refuses the server whatever would make a file longer than that: a write error of the disk. */
const limitFiles = (bytes: number | 'unlimited') =>
  mustRun('prlimit', ['--pid', `${server.pid}`, `--fsize=${bytes}:`]);

test('a disk that refuses writes fails calls and /health, and the log says why, until it works again', {
  timeout: 120_000,
}, async () => {
  await server.createQueue('mail');
  const produce = (text: string): Promise<Answer> => {
    const items = [{ utf8: text.padEnd(20_000) }];
    return server.post('queue.produce', { queue_name: 'mail', request_timeout: '2s', items });
  };
  const health = async () => {
    const response = await fetch(`${server.url}/health`);
    expect(await response.text()).not.toContain(folder);
    return response.status;
  };
  const acknowledged: string[] = [];
  expect((await produce('before')).status).toBe(200);
  acknowledged.push('before');
  await limitFiles(statSync(join(folder, 'queues.db-wal')).size + 50_000);
  const refusals: Answer[] = [];
  for (let n = 0; n < 20 && refusals.length < 3; n++) {
    const answer = await produce(`full-${n}`);
    if (answer.status === 200) acknowledged.push(`full-${n}`);
    else refusals.push(answer);
  }
  expect(refusals).toHaveLength(3);
  // The path and what the disk said are for operators.
  for (const { message } of refusals) expect(message).not.toContain(folder);
  await expect.poll(health, { timeout: 30_000 }).toBe(503);
  const fault = server.log.split('\n').find((line) => line.includes('storage fails its health check'));
  expect(fault).toContain(`file '${folder}/queues.db': the disk failed`);

  await limitFiles('unlimited');
  await expect.poll(health, { timeout: 30_000 }).toBe(200);
  expect((await produce('after')).status).toBe(200);
  acknowledged.push('after');
  const request = { queue_name: 'mail', client_id: 'me', batch_size: 100, request_timeout: '5s' };
  const { items } = await server.ask('queue.lease', request);
  const texts = items.map(({ bytes }: { bytes: string }) => Buffer.from(bytes, 'base64').toString().trim());
  for (const text of acknowledged) expect(texts).toContain(text);
});
