import type { LogFields, Logger } from '@querator/core';
import { type Logger as PinoLogger, pino } from 'pino';
import { pinoPretty } from './pretty.ts';

/** How log lines look: for a terminal, for people, for machines. */
export type LogHandler = 'color' | 'text' | 'json';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Writes structured log lines to standard output. */
export function createLogger(handler: LogHandler, level: LogLevel): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
    // What has been made ready for the log already looks like an error to pino, and is none.
    serializers: { err: (err: unknown) => (err instanceof Error ? pino.stdSerializers.err(err) : err) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return adapt(handler === 'json' ? pino(options) : pino(options, pinoPretty(handler === 'color')));
}

/** Pino takes the fields first. */
function adapt(target: PinoLogger): Logger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    fields === undefined ? target[level](message) : target[level](fields, message);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
