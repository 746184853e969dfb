import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { callServer, programEnvironment, SOURCE_FLAGS } from '@querator/tooling-processes';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { StartOptions } from '../src/plan.ts';
import { onFreePort, type Started, scratchFolder, start } from './harness.ts';

const executable = fileURLToPath(new URL('../../../apps/server/src/main.ts', import.meta.url));

async function ask(address: string, call: string, body: object) {
  const { status, message, json } = await callServer(`http://${address}`, call, body);
  if (status !== 200) throw new Error(`${call}: ${status} ${message}`);
  return json;
}

/** Produces texts to the queue `mail`, which it creates. */
async function fill(address: string, texts: readonly string[]) {
  await ask(address, 'queues.create', {
    ...{ queue_name: 'mail', lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 },
  });
  const items = texts.map((utf8) => ({ utf8 }));
  await ask(address, 'queue.produce', { queue_name: 'mail', request_timeout: '10s', items });
}

async function lease(address: string): Promise<string[]> {
  const json = await ask(address, 'queue.lease', {
    ...{ queue_name: 'mail', request_timeout: '10s', client_id: 'me', batch_size: 10 },
  });
  return (json['items'] as { bytes: string }[]).map(({ bytes }) => Buffer.from(bytes, 'base64').toString());
}

async function stopped(started: Started) {
  started.stop();
  expect(await started.code).toBe(0);
}

describe('npm start with the real server', () => {
  beforeEach(() => {
    // The server runs from its sources.
    vi.stubEnv('NODE_OPTIONS', SOURCE_FLAGS.join(' '));
    vi.stubEnv('QUERATOR_LOG_LEVEL', 'error');
  });

  const begin = async (options: Partial<StartOptions>, stateDir: string) => {
    const address = await onFreePort();
    const started = start({ address, ...options }, stateDir, { executable });
    await started.listening();
    return { started, address };
  };

  it('keeps queues and items on SQLite through a restart', async () => {
    const stateDir = scratchFolder();
    const first = await begin({}, stateDir);
    await fill(first.address, ['one', 'two']);
    await stopped(first.started);
    const second = await begin({}, stateDir);
    expect(await lease(second.address)).toEqual(['one', 'two']);
    await stopped(second.started);
  });

  it.each([
    { before: 'PostgreSQL', options: { postgres: true }, now: {}, flags: '-- --postgres --address' },
    { before: 'SQLite', options: {}, now: { postgres: true }, flags: '-- --address' },
  ])('moves the items of a start on $before by the commands that the next start shows', async (row) => {
    const stateDir = scratchFolder();
    const old = await begin(row.options, stateDir);
    await fill(old.address, ['one', 'two', 'three']);
    await stopped(old.started);

    const next = await begin(row.now, stateDir);
    const text = next.started.said.join('\n');
    expect(text).toContain(`NOT USED: the data of an earlier npm start on ${row.before}`);
    const shown = new RegExp(`\n {2}npm start ${row.flags} (\\S+)\n`).exec(text)?.[1] ?? '';
    // The next port, which is shown, may be in use on this machine.
    const beside = await onFreePort();
    const [, migrate = ''] = /\n {2}npm run --silent querator -- (migrate .*)\n/.exec(text) ?? [];
    const command = migrate.replace(shown, beside).split(' ');
    await begin({ ...row.options, address: beside }, stateDir);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...SOURCE_FLAGS, executable, ...command],
      {
        cwd: scratchFolder(),
        env: programEnvironment(),
      },
    );
    expect(stdout).toMatch(/mail\s+3\s+0\s+created/);
    expect(await lease(next.address)).toEqual(['one', 'two', 'three']);
  });
});
