import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { silentLogger } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { SpanBatcher } from '../../src/tracing/span-batcher.ts';

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];

const SETTINGS = { delayMs: 1_000, exportTimeoutMs: 30_000, queueSize: 5, batchSize: 2 };
const span = (n: number) => ({ name: `${n}` }) as ReadableSpan;

let clock: ManualClock;
let batches: string[][];
let answer: (result: Result) => void;
let warnings: string[];
let batcher: SpanBatcher;

const exporter: SpanExporter = {
  export(spans, done) {
    batches.push(spans.map(({ name }) => name));
    answer = done;
  },
  shutdown: async () => {},
};

beforeEach(() => {
  clock = new ManualClock();
  batches = [];
  warnings = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  batcher = new SpanBatcher(SETTINGS, { exporter, clock, logger });
});

const settle = () => clock.advance('0s');

describe('finished spans', () => {
  test('go after a delay, together', async () => {
    batcher.onEnd(span(1));
    await clock.advance('999ms');
    expect(batches).toEqual([]);
    await clock.advance('1ms');
    expect(batches).toEqual([['1']]);
    answer({ code: 0 });
    await settle();
    expect(batcher.counts()).toEqual({ exported: 1, overflowed: 0, failed: 0, queued: 0 });
  });

  test('go at once when a batch is full, one batch at a time', async () => {
    for (let n = 1; n <= 5; n++) batcher.onEnd(span(n));
    expect(batches).toEqual([['1', '2']]);
    answer({ code: 0 });
    await settle();
    expect(batches).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    answer({ code: 0 });
    await clock.advance('1s');
    expect(batches[2]).toEqual(['5']);
  });

  test('are dropped and counted while the queue is full, and never wait for more memory', async () => {
    for (let n = 1; n <= 1_000; n++) batcher.onEnd(span(n));
    expect(batches).toEqual([['1', '2']]);
    expect(batcher.counts()).toEqual({ exported: 0, overflowed: 993, failed: 0, queued: 5 });
    expect(warnings[0]).toBe('spans are dropped: their queue is full');
  });

  test('are counted as failed when the exporter fails, throws or does not answer', async () => {
    batcher.onEnd(span(1));
    batcher.onEnd(span(2));
    answer({ code: 1, error: new Error('refused') });
    await settle();
    expect(batcher.counts()).toMatchObject({ exported: 0, failed: 2 });
    batcher.onEnd(span(3));
    batcher.onEnd(span(4));
    await clock.advance('30s');
    expect(batcher.counts()).toMatchObject({ exported: 0, failed: 4 });
    expect(warnings).toHaveLength(2);
    // The exporter is asked again for what comes next.
    batcher.onEnd(span(5));
    await clock.advance('1s');
    answer({ code: 0 });
    await settle();
    expect(batcher.counts()).toMatchObject({ exported: 1, failed: 4, queued: 0 });
  });
});

describe('a stop', () => {
  test('sends what waits', async () => {
    for (let n = 1; n <= 3; n++) batcher.onEnd(span(n));
    const stopped = batcher.stop(5_000);
    answer({ code: 0 });
    await settle();
    answer({ code: 0 });
    await stopped;
    expect(batcher.counts()).toEqual({ exported: 3, overflowed: 0, failed: 0, queued: 0 });
    expect(warnings).toEqual([]);
  });

  test('sends by another exporter, if it is given one', async () => {
    batcher.onEnd(span(1));
    const sent: string[] = [];
    const last: SpanExporter = {
      export: (spans, done) => {
        sent.push(...spans.map(({ name }) => name));
        done({ code: 0 });
      },
      shutdown: async () => {},
    };
    await batcher.stop(5_000, last);
    expect([batches, sent]).toEqual([[], ['1']]);
    expect(batcher.counts()).toMatchObject({ exported: 1, failed: 0 });
  });

  test('waits no longer than it may for an exporter that hangs', async () => {
    for (let n = 1; n <= 3; n++) batcher.onEnd(span(n));
    const stopped = batcher.stop(5_000);
    await clock.advance('5s');
    await stopped;
    expect(batcher.counts()).toMatchObject({ failed: 1, queued: 0 });
    batcher.onEnd(span(4));
    expect(batcher.counts()).toMatchObject({ failed: 2, queued: 0 });
    expect(warnings).toEqual(['spans were dropped at the stop']);
  });

  test('does not try batch after batch with an exporter that is down', async () => {
    for (let n = 1; n <= 5; n++) batcher.onEnd(span(n));
    const stopped = batcher.stop(5_000);
    answer({ code: 1, error: new Error('refused') });
    await stopped;
    expect(batches).toHaveLength(1);
    expect(batcher.counts()).toMatchObject({ failed: 5, queued: 0 });
  });
});
