import { expect, test } from 'vitest';
import { guardedLogger, type Logger } from './logger.ts';

test('a guarded logger passes every call on', () => {
  const lines: unknown[] = [];
  const at = (level: string) => (message: string, fields?: unknown) => lines.push([level, message, fields]);
  const logger = guardedLogger({
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  });
  logger.debug('a');
  logger.info('b', { n: 1 });
  logger.warn('c');
  logger.error('d', { err: 'e' });
  expect(lines).toEqual([
    ['debug', 'a', undefined],
    ['info', 'b', { n: 1 }],
    ['warn', 'c', undefined],
    ['error', 'd', { err: 'e' }],
  ]);
});

test('a guarded logger drops what the logger throws, at once or later', async () => {
  const fail = () => {
    throw new Error('the disk is full');
  };
  const failLater = async () => fail();
  const logger: Logger = guardedLogger({ debug: fail, info: fail, warn: fail, error: failLater });
  logger.info('a');
  logger.error('b');
  // An unhandled rejection would fail the test run.
  await new Promise(setImmediate);
});
