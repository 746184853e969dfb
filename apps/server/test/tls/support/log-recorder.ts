import type { LogFields, Logger } from '@querator/core';

/** A logger that keeps its lines, each with its level and fields as one text. */
export class LogRecorder implements Logger {
  readonly lines: string[] = [];

  debug(message: string, fields?: LogFields): void {
    this.#add('DEBUG', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#add('INFO', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#add('WARN', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#add('ERROR', message, fields);
  }

  /** The lines that have these words. */
  with(words: string): readonly string[] {
    return this.lines.filter((line) => line.includes(words));
  }

  #add(level: string, message: string, fields: LogFields = {}): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}
