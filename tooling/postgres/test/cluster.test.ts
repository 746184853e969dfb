import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { isAlive } from '@querator/tooling-processes';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ClusterOptions, startCluster, startTemporaryCluster } from '../src/index.ts';
import { query } from './query.ts';
import { scratchFolder } from './scratch-folder.ts';

async function cluster(options: ClusterOptions) {
  const started = await startCluster(options);
  onTestFinished(() => started.stop());
  return started;
}

async function temporaryCluster() {
  const started = await startTemporaryCluster();
  onTestFinished(() => started.stop());
  return started;
}

describe('startCluster', () => {
  it('keeps the data between starts', async () => {
    const dataDir = join(scratchFolder(true), 'database');
    const first = await startCluster({ dataDir });
    await query(first.connectionString(), 'CREATE TABLE kept AS SELECT 7 AS n');
    await first.stop();
    const second = await cluster({ dataDir });
    expect(await query(second.connectionString(), 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('works in a folder that other users cannot enter', async () => {
    const dataDir = join(scratchFolder(), 'database');
    const started = await cluster({ dataDir });
    expect(await query(started.connectionString(), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('leaves no process and no open port when stopped', async () => {
    const started = await startCluster({ dataDir: join(scratchFolder(true), 'database') });
    const { pid } = started;
    const address = started.connectionString();
    await started.stop();
    expect(isAlive(pid ?? 0)).toBe(false);
    await expect(query(address, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('requires the password, which only the owner can read', async () => {
    const dataDir = join(scratchFolder(true), 'database');
    const started = await cluster({ dataDir });
    const wrong = new URL(started.connectionString());
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600);
  });

  it('refuses a folder that a running process uses', async () => {
    const dataDir = join(scratchFolder(true), 'database');
    await cluster({ dataDir });
    await expect(startCluster({ dataDir })).rejects.toThrow(`in use by process ${process.pid}`);
  });

  it('reports that its port is in use', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void blocker.close());
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    const dataDir = join(scratchFolder(true), 'database');
    await expect(startCluster({ dataDir, port })).rejects.toThrow('Address already in use');
  });

  it('reports to its owner when the server ends by itself', async () => {
    const dataDir = join(scratchFolder(true), 'database');
    let report: () => void = () => {};
    const reported = new Promise<void>((resolve) => {
      report = resolve;
    });
    const started = await cluster({ dataDir, onUnexpectedEnd: report });
    process.kill(started.pid ?? 0, 'SIGQUIT');
    await reported;
    expect(started.pid).toBeUndefined();
    await started.start();
    expect(await query(started.connectionString(), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });
});

describe('startTemporaryCluster', () => {
  it('gives each caller its own server', async () => {
    const [one, two] = await Promise.all([temporaryCluster(), temporaryCluster()]);
    await query(one.connectionString(), 'CREATE TABLE only_here (n int)');
    await expect(query(two.connectionString(), 'TABLE only_here')).rejects.toMatchObject({ code: '42P01' });
  });

  it('has the committed data on the same port after a crash', async () => {
    const started = await temporaryCluster();
    const address = started.connectionString();
    await query(address, 'CREATE TABLE kept AS SELECT 7 AS n');
    await started.crash();
    await expect(query(address, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await started.start();
    expect(await query(address, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('answers nothing while paused, and everything after it resumes', async () => {
    const started = await temporaryCluster();
    started.pause();
    let answered = false;
    const answer = query(started.connectionString(), 'SELECT 1 AS n').finally(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answered).toBe(false);
    started.resume();
    expect(await answer).toEqual([{ n: 1 }]);
  });

  it('leaves nothing when stopped, even while paused', async () => {
    const started = await startTemporaryCluster();
    const { pid } = started;
    started.pause();
    await started.stop();
    expect(isAlive(pid ?? 0)).toBe(false);
    expect(() => statSync(started.dataDir)).toThrow('ENOENT');
  });
});
