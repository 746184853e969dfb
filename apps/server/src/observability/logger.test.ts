import { describe, expect, test } from 'vitest';
import { createLogger, type LogHandler } from './logger.ts';

/** An override of direction, a control of C1, an escape of a terminal, and a zero-width space. */
const TEXT = 'in\u202ev\u009bo\u001b[31mi\u200bce';
const SHOWN = 'in\\u202ev\\u009bo\\u001b[31mi\\u200bce';
/** As pretty lines show a message or a stack: they leave controls out. */
const SHOWN_BARE = 'in\\u202evo[31mi\\u200bce';
const RAW = /(?!\n)[\p{Cc}\p{Cf}]/u;
/** How the colours of a terminal are set and reset. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how terminals are told
const COLOUR = /\u001b\[\d+m/g;

function logged(handler: LogHandler): string {
  let written = '';
  const logger = createLogger(handler, 'info', {
    write: (text) => {
      written += text;
    },
  });
  logger.info(`a message about ${TEXT}`, { queue: TEXT, queues: [TEXT], by: { [TEXT]: TEXT } });
  logger.error('request failed', { [TEXT]: TEXT, err: new Error(TEXT, { cause: new Error(TEXT) }) });
  logger.warn('request failed', { err: { type: 'Error', message: TEXT, stack: `at ${TEXT}\n at 2` } });
  return written;
}

describe('a log line shows names and texts from clients as they are', () => {
  test('text', () => {
    const text = logged('text');
    expect(text).not.toMatch(RAW);
    expect(text).toContain(`INFO: a message about ${SHOWN_BARE}\n    queue: "${SHOWN}"\n`);
    expect(text).toContain(`    ${SHOWN_BARE}: "${SHOWN}"\n`);
    expect(text).toContain(`Error: ${SHOWN_BARE}\n`);
    expect(text).toContain(`"message": "${SHOWN}"`);
  });

  test('color, and has colours', () => {
    const text = logged('color');
    expect(text).toMatch(COLOUR);
    expect(text.replaceAll(COLOUR, '')).not.toMatch(RAW);
    expect(text).toContain(`a message about ${SHOWN_BARE}`);
  });

  test('json, and means the same', () => {
    const text = logged('json');
    expect(text).not.toMatch(RAW);
    const [first, second] = text.trimEnd().split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({
      level: 'info',
      message: `a message about ${TEXT}`,
      queue: TEXT,
      queues: [TEXT],
    });
    expect(JSON.parse(second ?? '').err.message).toContain(TEXT);
  });
});
