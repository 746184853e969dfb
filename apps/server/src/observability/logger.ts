import type { LogFields, Logger } from '@querator/core';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { prettyStream } from './pretty.ts';
import { visibleText } from './visible-text.ts';

/** The format of log lines: for a terminal, as plain text, for programs. */
export type LogHandler = 'color' | 'text' | 'json';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A logger whose level can change. */
export interface LeveledLogger extends Logger {
  /** Lines of a lower level are left out. */
  setLevel(level: LogLevel): void;
}

/**
 * Writes structured log lines. Invisible characters become escapes: names and
 * texts from clients could make a terminal or a log viewer show something else.
 *
 * @param stdout where the lines go. Default: standard output.
 */
export function createLogger(
  handler: LogHandler,
  level: LogLevel,
  stdout: DestinationStream = pino.destination({ dest: 1, sync: true }),
): LeveledLogger {
  const options = {
    level,
    base: null,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
    // Bounded errors are plain objects, which pino's own serializer would take for errors.
    serializers: { err: (err: unknown) => (err instanceof Error ? pino.stdSerializers.err(err) : err) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return adapt(
    pino(options, handler === 'json' ? jsonStream(stdout) : prettyStream(handler === 'color', stdout)),
  );
}

function jsonStream(stdout: DestinationStream): DestinationStream {
  return { write: (line) => stdout.write(visibleText(line)) };
}

/** Pino takes the fields first. */
function adapt(target: PinoLogger): LeveledLogger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    fields === undefined ? target[level](message) : target[level](fields, message);
  const setLevel = (level: LogLevel) => {
    target.level = level;
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), setLevel };
}
