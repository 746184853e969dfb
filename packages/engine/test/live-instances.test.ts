import { QueueError, silentLogger } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { Instances } from '../src/index.ts';
import { LiveProcesses } from './support/live-processes.ts';

const OLDER = { id: 'x', name: 'database session 7', text: 'database session 7 (querator, 10.0.0.1)' };

function errorOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

describe('the processes on one storage', () => {
  let processes: LiveProcesses;
  beforeEach(() => {
    processes = new LiveProcesses();
  });

  test('know each other within a second of a start and of a stop', async () => {
    const { instances: first } = await processes.start();
    expect(first.liveProcesses()).toBe(1);
    const { instances: second } = await processes.start({ name: 'host/2' });
    expect([first.liveProcesses(), second.liveProcesses()]).toEqual([2, 2]);
    expect(first.list()?.instances.map(({ name }) => name)).toEqual(['host/1', 'host/2']);
    await second.stop();
    await processes.clock.advance('1s');
    expect(first.liveProcesses()).toBe(1);
  });

  test('count a killed process until it was silent for 20 s', async () => {
    const { instances: first } = await processes.start();
    const second = await processes.start();
    second.answer = 'never';
    await processes.clock.advance('19s');
    expect(first.liveProcesses()).toBe(2);
    await processes.clock.advance('6s');
    expect(first.liveProcesses()).toBe(1);
  });

  test('count the same number while the storage fails, and warn once', async () => {
    const one = await processes.start();
    const other = await processes.start();
    for (const process of [one, other]) process.answer = 'fails';
    await processes.clock.advance('1h');
    expect([one.instances.liveProcesses(), other.instances.liveProcesses()]).toEqual([2, 2]);
    expect(one.warnings).toEqual(['the processes on the storage of the queues cannot be read']);
    // Once a minute at the most.
    expect(one.beats).toBeLessThan(70);
    one.answer = 'now';
    await processes.clock.advance('1m');
    expect(one.instances.liveProcesses()).toBe(1);
  });

  test('are one process before the first answer, and without records', async () => {
    const silent = processes.make();
    silent.answer = 'never';
    expect(silent.instances.liveProcesses()).toBe(1);
    silent.instances.start();
    await processes.clock.advance('1m');
    expect(silent.instances.liveProcesses()).toBe(1);
    expect(silent.instances.list()).toBeUndefined();
    const { clock } = processes;
    const own = { name: 'host/1', version: '2.0.0', storages: [], capabilities: ['metadata'] };
    const alone = new Instances({
      ...{ clock, own, random: new SeededRandom(), logger: silentLogger },
      ...{ store: undefined, signals: undefined },
    });
    alone.start();
    expect(alone.liveProcesses()).toBe(1);
    expect(alone.everyoneHas('metadata')).toBe(true);
    expect(alone.list()?.instances).toMatchObject([own]);
    await alone.stop();
  });

  test('write a heartbeat every 5 s, and one for many notifications', async () => {
    const process = await processes.start();
    const before = process.beats;
    await processes.clock.advance('50s');
    expect(process.beats - before).toBe(10);
    for (let count = 0; count < 100; count++) processes.signals.publish('~instances');
    await processes.clock.advance('1s');
    expect(process.beats - before).toBeLessThanOrEqual(12);
  });

  test('stop within a second while the storage does not answer', async () => {
    const process = await processes.start();
    process.answer = 'never';
    let stopped = false;
    const stop = process.instances.stop().then(() => {
      stopped = true;
    });
    await processes.clock.advance('999ms');
    expect(stopped).toBe(false);
    await processes.clock.advance('1ms');
    await stop;
    expect(processes.clock.pendingTimers).toBe(0);
  });

  test('tell which of them lack a capability', async () => {
    const { instances } = await processes.start();
    expect(instances.everyoneHas('metadata')).toBe(true);
    expect(instances.lacking('dedup')).toEqual([{ name: 'host/1', version: '2.0.0' }]);
    const older = await processes.start({ name: 'host/2', version: '1.9.0', capabilities: [] });
    expect(instances.everyoneHas('metadata')).toBe(false);
    expect(instances.lacking('metadata')).toEqual([{ name: 'host/2', version: '1.9.0' }]);
    await older.instances.stop();
    await processes.clock.advance('1s');
    expect(instances.lacking('metadata')).toEqual([]);
  });

  test('notice a process without a record, which lacks every capability', async () => {
    const { instances, warnings, infos } = await processes.start();
    processes.notice([OLDER]);
    await processes.clock.advance('1s');
    expect(instances.lacking('metadata')).toEqual([{ name: OLDER.name, version: undefined }]);
    expect(instances.liveProcesses()).toBe(1);
    await processes.clock.advance('1m');
    expect(warnings).toEqual([
      'a server of an older version uses the same database; what it does not know is refused',
    ]);
    processes.notice([]);
    await processes.clock.advance('1s');
    expect(instances.everyoneHas('metadata')).toBe(true);
    expect(infos).toEqual(['a server of an older version is gone']);
  });

  // The storage answers a heartbeat before older processes had the time to answer it.
  test('make requests wait while processes without a record may not have been noticed', async () => {
    processes.unrecorded = undefined;
    const { instances } = await processes.start();
    expect(instances.list()?.instances).toHaveLength(1);
    expect(instances.everyoneHas('metadata')).toBe(false);
    const [allowed, refused] = [instances.require('metadata'), instances.require('dedup')];
    const refusal = expect(refused).rejects.toMatchObject({ reason: 'unavailable' });
    await processes.clock.advance('1s');
    processes.notice([]);
    await processes.clock.advance('1s');
    await allowed;
    await refusal;

    processes.unrecorded = undefined;
    const stopping = await processes.start();
    const waiting = expect(stopping.instances.require('metadata')).rejects.toMatchObject({
      message: "'metadata' is unavailable; the servers that run cannot be read, try again later",
    });
    await stopping.instances.stop();
    await waiting;
  });

  test('refuse what a process lacks, and name the process', async () => {
    const { instances } = await processes.start();
    expect(instances.require('metadata')).toBeUndefined();
    await processes.start({ name: 'host/2', version: '1.9.0', capabilities: [] });
    const refused = errorOf(() => instances.require('metadata'));
    expect(refused).toBeInstanceOf(QueueError);
    expect(refused).toMatchObject({
      ...{ code: 'retry', reason: 'unavailable', missing: 'metadata' },
      message: "'metadata' is unavailable; stop or upgrade the server 'host/2' of version '1.9.0'",
    });
    processes.notice([OLDER]);
    await processes.clock.advance('1s');
    expect(errorOf(() => instances.require('metadata'))).toMatchObject({
      message:
        "'metadata' is unavailable; stop or upgrade the server of 'database session 7', which is older than this one and 1 more",
    });
  });

  test('let the first requests wait for the first answer, and no others', async () => {
    const process = processes.make();
    process.instances.start();
    expect(process.instances.everyoneHas('metadata')).toBe(false);
    await process.instances.require('metadata');
    expect(process.instances.everyoneHas('metadata')).toBe(true);

    const silent = processes.make();
    silent.answer = 'never';
    silent.instances.start();
    const required = Promise.resolve(silent.instances.require('metadata'));
    const refused = expect(required).rejects.toMatchObject({
      ...{ code: 'retry', reason: 'unavailable' },
      message: "'metadata' is unavailable; the servers that run cannot be read, try again later",
    });
    await processes.clock.advance('5s');
    await refused;

    const failing = processes.make();
    failing.answer = 'fails';
    failing.instances.start();
    await processes.clock.advance('1s');
    expect(errorOf(() => failing.instances.require('metadata'))).toMatchObject({ reason: 'unavailable' });
  });

  test('call listeners when processes or capabilities change, and otherwise not', async () => {
    const { instances } = await processes.start();
    let changes = 0;
    const end = instances.onChange(() => {
      changes++;
    });
    await processes.clock.advance('1m');
    expect(changes).toBe(0);
    const other = await processes.start();
    expect(changes).toBe(1);
    await other.instances.stop();
    await processes.clock.advance('1s');
    expect(changes).toBe(2);
    end();
    await processes.start();
    expect(changes).toBe(2);
  });
});
