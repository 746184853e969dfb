import process from 'node:process';
import { QueueError } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { producer, type Telemetry, worker } from '../src/index.ts';
import { FakeQueue } from './support/fake-queue.ts';

const thrown = new Error('no tracer');
// biome-ignore lint/suspicious/noExplicitAny: the faults are the same for sends and handlers.
type Follow = (work: unknown, run: (pairs: any) => Promise<any>) => Promise<any>;

/** What a telemetry may do wrong. */
const FAULTS: Readonly<Record<string, Follow>> = {
  'throws at once': () => {
    throw thrown;
  },
  'fails before the run': async () => {
    throw thrown;
  },
  'fails after the run': async (_, run) => {
    await run({});
    throw thrown;
  },
  'fails while the run goes on': async (_, run) => {
    void run({}).catch(() => {});
    throw thrown;
  },
  'never runs it': async () => {},
  'runs it twice': async (_, run) => {
    await run({});
    return run({});
  },
  'hides its error': (_, run) => run({}).catch(() => ({ id: undefined })),
  'replaces its error': (_, run) => run({}).catch(() => Promise.reject(thrown)),
  'never ends': async (_, run) => {
    await run({}).catch(() => {});
    return new Promise(() => {});
  },
};

describe.each(Object.entries(FAULTS))('a telemetry that %s', (_, follow) => {
  const telemetry: Telemetry = { send: follow, handle: follow };
  const clock = new ManualClock();

  beforeEach(() => {
    vi.spyOn(process, 'emitWarning').mockReset().mockReturnValue();
  });

  test('leaves the handlers of a worker alone: each runs once, and its outcome counts', async () => {
    const queue = new FakeQueue(clock, '1m');
    queue.add('good', 'bad');
    const handled: string[] = [];
    const running = worker(queue.port({ canExtend: false }), {
      ...{ queue: 'q', clock, random: new SeededRandom(), stopSignals: [], concurrency: 2, telemetry },
      handler: async ({ bytes }) => {
        const name = new TextDecoder().decode(bytes);
        handled.push(name);
        if (name === 'bad') throw new Error('a bad item');
      },
    });
    await clock.advance('1ms');
    await running.stop();
    expect(handled.sort()).toEqual(['bad', 'good']);
    expect(queue.log.completed).toHaveLength(1);
    expect(queue.log.givenBack).toMatchObject([{ error: 'Error: a bad item' }]);
  });

  test('leaves the sends of a producer alone: each is stored once, and its outcome counts', async () => {
    const stored: string[] = [];
    const it = producer(
      {
        ...{ canDedup: true, mostBytes: undefined },
        produce: async ({ items }) =>
          items.map(({ kind }) => {
            if (kind === 'bad') throw new QueueError('invalid', 'a bad item');
            stored.push(kind);
            return { id: `id-${stored.length}`, partition: 0 };
          }),
      },
      { queue: 'q', clock, random: new SeededRandom(), telemetry },
    );
    expect(await it.send(new Uint8Array(1), { kind: 'good' })).toMatchObject({ id: 'id-1' });
    await expect(it.send(new Uint8Array(1), { kind: 'bad' })).rejects.toThrow('a bad item');
    expect(stored).toEqual(['good']);
  });
});

test('the failures of a telemetry become a warning, and the errors of what it follows do not', async () => {
  const clock = new ManualClock();
  const warnings = vi.spyOn(process, 'emitWarning').mockReset().mockReturnValue();
  const follow: Follow = async (_, run) => {
    await run({});
    throw thrown;
  };
  const port = { canDedup: true, mostBytes: undefined };
  const produce = vi.fn().mockRejectedValueOnce(new QueueError('invalid', 'a bad item'));
  produce.mockResolvedValue([{ id: 'id', partition: 0 }]);
  const options = { queue: 'q', clock, random: new SeededRandom() };
  const it = producer({ ...port, produce }, { ...options, telemetry: { send: follow, handle: follow } });
  await expect(it.send(new Uint8Array(1))).rejects.toThrow('a bad item');
  expect(warnings).not.toHaveBeenCalled();
  await it.send(new Uint8Array(1));
  await it.send(new Uint8Array(1));
  expect(warnings).toHaveBeenCalledOnce();
  expect(warnings.mock.calls[0]?.[0]).toContain(
    "the telemetry of the producer of queue 'q' failed: Error: no tracer",
  );
});
