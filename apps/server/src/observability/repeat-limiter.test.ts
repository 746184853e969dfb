import { type LogFields, type Logger, QueueError, StorageError } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { RepeatLimiter } from './repeat-limiter.ts';

function limited() {
  const clock = new ManualClock();
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  const target: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return { clock, lines, logger: new RepeatLimiter({ target, clock }) };
}

const locked = (name = 'pg') =>
  Object.assign(new StorageError(`storage '${name}': canceling statement`, { outcome: 'not-applied' }), {
    sqlState: '55P03',
  });

test('a thousand failures with one cause are one line at once, and one line with their number a second later', async () => {
  const { clock, lines, logger } = limited();
  for (let n = 0; n < 1_000; n++) logger.error('request failed', { path: '/v1/queue.stats', err: locked() });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'error', message: 'request failed' });
  expect(lines[0]?.fields).not.toHaveProperty('repeated');
  await clock.advance('1s');
  expect(lines).toHaveLength(2);
  expect(lines[1]?.fields).toMatchObject({
    repeated: 999,
    path: '/v1/queue.stats',
    err: { sqlState: '55P03' },
  });
  expect(JSON.stringify(lines).length).toBeLessThan(2_000);
  await clock.advance('10s');
  expect(lines).toHaveLength(2);
  expect(clock.pendingTimers).toBe(0);
});

test('a lasting failure is logged once a second, with the number since the last line', async () => {
  const { clock, lines, logger } = limited();
  for (let second = 0; second < 6; second++) {
    for (let queue = 0; queue < 30; queue++) {
      logger.warn('partition is failing', { queue: `q${queue}`, partition: 0, err: locked() });
      await clock.advance('33ms');
    }
  }
  await clock.advance('1s');
  expect(lines.length).toBeLessThan(10);
  expect(lines.reduce((sum, { fields }) => sum + (Number(fields['repeated']) || 1), 0)).toBe(180);
});

test('the line for repetitions shows samples of the values that differed', async () => {
  const { clock, lines, logger } = limited();
  for (const queue of ['a', 'b', 'c']) logger.warn('failing', { queue, storage: 'pg', err: locked() });
  for (let n = 0; n < 10; n++) logger.warn('refused', { queue: `q${n}`, partition: n, err: locked() });
  await clock.advance('1s');
  expect(lines.map(({ fields: { err, ...rest } }) => rest)).toEqual([
    { queue: 'a', storage: 'pg' },
    { queue: 'q0', partition: 0 },
    { repeated: 2, queue: ['b', 'c'], storage: 'pg' },
    { repeated: 9, queue: ['q1', 'q2', 'q3', 'q4', 'q5', '…'], partition: [1, 2, 3, 4, 5, '…'] },
  ]);
});

test('different causes, levels and messages are separate, and so are lines without an error', () => {
  const { lines, logger } = limited();
  const full = Object.assign(new Error('could not extend file'), { code: '53100' });
  logger.warn('failing', { err: locked() });
  logger.warn('failing', { err: full });
  logger.error('failing', { err: full });
  logger.warn('refused', { err: full });
  logger.warn('refused', { err: new QueueError('retry', 'try again', { cause: locked() }) });
  logger.warn('not opened', { reason: 'connect ECONNREFUSED' });
  logger.warn('not opened', { reason: 'connect EMFILE' });
  logger.info('created a queue', { queue: 'a' });
  logger.info('created a queue', { queue: 'b' });
  logger.info('created a queue', { queue: 'a' });
  expect(lines).toHaveLength(9);
});

test('errors without a code that differ in numbers only have one cause', () => {
  const { lines, logger } = limited();
  for (let n = 0; n < 5; n++) logger.warn('failing', { err: new Error(`no answer within ${n} ms`) });
  expect(lines).toHaveLength(1);
});

test('a single repetition is logged unchanged', async () => {
  const { clock, lines, logger } = limited();
  logger.warn('failing', { queue: 'a', err: locked() });
  logger.warn('failing', { queue: 'b', err: locked() });
  await clock.advance('1s');
  expect(lines[1]?.fields).toMatchObject({ queue: 'b' });
  expect(lines[1]?.fields).not.toHaveProperty('repeated');
});

test('close writes the lines that were withheld', () => {
  const { clock, lines, logger } = limited();
  for (let n = 0; n < 5; n++) logger.error('request failed', { err: locked() });
  logger.flush();
  logger.flush();
  expect(lines.map(({ fields }) => fields['repeated'])).toEqual([undefined, 4]);
  expect(clock.pendingTimers).toBe(0);
});

test('the number of separate causes is limited, and every line is counted', async () => {
  const { clock, lines, logger } = limited();
  for (let n = 0; n < 5_000; n++) logger.info('created a queue', { queue: `q${n}` });
  expect(lines.length).toBeLessThanOrEqual(201);
  for (let n = 0; n < 5_000; n++) logger.warn(`message ${'x'.repeat(n)}`);
  expect(lines.length).toBeLessThanOrEqual(403);
  expect(clock.pendingTimers).toBeLessThanOrEqual(403);
  await clock.advance('1s');
  const counted = lines.reduce((sum, { fields }) => sum + (Number(fields['repeated']) || 1), 0);
  expect(counted).toBe(10_000);
});

test('long texts, stacks, lists and chains of causes are cut', () => {
  const { lines, logger } = limited();
  const chain = Array.from({ length: 50 }).reduce<Error>(
    (cause, _, n) => new Error(`layer ${n}`, { cause }),
    new Error('x'.repeat(50_000_000)),
  );
  const many = new AggregateError(
    Array.from({ length: 1_000 }, () => new Error('y'.repeat(10_000))),
    'z',
  );
  logger.error('failed', {
    err: chain,
    reason: 'z'.repeat(50_000_000),
    hosts: Array.from('a'.repeat(1_000)),
  });
  logger.error('failed too', { err: many });
  logger.debug('failed three times', { err: new Error('x'.repeat(50_000_000)) });
  expect(JSON.stringify(lines).length).toBeLessThan(150_000);
  expect(JSON.stringify(lines[0])).toContain('(50000000 characters)');
});

test('a fault of the server has its stack, a failure of storage has none', () => {
  const { lines, logger } = limited();
  logger.error('request failed', { err: new TypeError('x is undefined') });
  logger.warn('storage refused a request', { err: locked() });
  expect(lines[0]?.fields['err']).toMatchObject({
    type: 'TypeError',
    stack: expect.stringContaining('.test.ts'),
  });
  expect(lines[1]?.fields['err']).toEqual({
    type: 'StorageError',
    message: "storage 'pg': canceling statement",
    sqlState: '55P03',
    outcome: 'not-applied',
  });
});
