import type { CancelTimer, Clock, LogFields, Logger } from '@querator/core';
import { boundedFields, boundedText } from './bounded-fields.ts';

/** Lines of one cause are at least this far apart. */
const WINDOW_MS = 1_000;
/**
 * How many causes are counted separately. With more, lines with the same message
 * share one cause; with twice as many, all lines of one level do.
 */
const MOST_CAUSES = 200;
/** Distinct values that the line for repetitions shows of each field. */
const MOST_SAMPLES = 5;
/** Characters of a text that identify a cause. */
const CAUSE_LENGTH = 150;

/** Replaces log lines once too many messages are counted. */
const LEFT_OUT = 'log lines of too many kinds at a time; some were left out';

type Level = 'info' | 'warn' | 'error';

/** The dependencies of a limiter. */
export interface RepeatLimiterDeps {
  readonly target: Logger;
  readonly clock: Clock;
}

/**
 * A logger that writes each cause at most once a second. The first line of a
 * cause is written at once. Repetitions within a second become one line with
 * their number and samples of their fields. A cause is a level, a message and
 * the error behind it, for every queue and request. Lines without an error have
 * the same cause only if all their texts are equal.
 *
 * Long texts are cut. Debug lines are not limited.
 */
export class RepeatLimiter implements Logger {
  readonly #deps: RepeatLimiterDeps;
  readonly #causes = new Map<string, Cause>();

  constructor(deps: RepeatLimiterDeps) {
    this.#deps = deps;
  }

  debug(message: string, fields?: LogFields): void {
    this.#deps.target.debug(boundedText(message), fields && boundedFields(fields));
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }

  /** Writes the repetitions that wait for the end of their second. Call it at the end of the process. */
  flush(): void {
    for (const [key, cause] of this.#causes) {
      cause.cancel();
      this.#causes.delete(key);
      this.#write(cause);
    }
  }

  #log(level: Level, message: string, fields: LogFields = {}): void {
    const byMessage = `${level} ${message}`;
    const byCause = `${byMessage} ${causeOf(fields)}`;
    const known = this.#causes.get(byCause) ?? this.#causes.get(byMessage);
    if (known !== undefined) known.repeat(fields);
    else if (this.#causes.size < MOST_CAUSES) this.#begin(byCause, level, message, fields);
    else if (this.#causes.size < 2 * MOST_CAUSES || message === LEFT_OUT) {
      this.#begin(byMessage, level, message, fields);
    } else this.#log(level, LEFT_OUT);
  }

  #begin(key: string, level: Level, message: string, fields: LogFields): void {
    this.#deps.target[level](boundedText(message), boundedFields(fields));
    this.#causes.set(key, new Cause(level, message, this.#startWindow(key)));
  }

  #startWindow(key: string): CancelTimer {
    return this.#deps.clock.startTimer(WINDOW_MS, () => {
      const cause = this.#causes.get(key);
      if (cause === undefined) return;
      if (cause.repeated === 0) this.#causes.delete(key);
      else this.#causes.set(key, new Cause(cause.level, cause.message, this.#startWindow(key)));
      this.#write(cause);
    });
  }

  #write({ level, message, repeated, fields, samples }: Cause): void {
    if (repeated === 0) return;
    // A single suppressed line is written unchanged.
    const others = repeated === 1 ? {} : { repeated, ...samples() };
    this.#deps.target[level](boundedText(message), { ...boundedFields(fields), ...others });
  }
}

/** The repetitions of one cause within a second, after its first line. */
class Cause {
  readonly level: Level;
  readonly message: string;
  readonly cancel: CancelTimer;
  repeated = 0;
  /** The fields of the last line. */
  fields: LogFields = {};
  /** The values of identifying fields, by name. */
  readonly #values = new Map<string, Set<string | number>>();

  constructor(level: Level, message: string, cancel: CancelTimer) {
    this.level = level;
    this.message = message;
    this.cancel = cancel;
  }

  repeat(fields: LogFields): void {
    this.repeated++;
    this.fields = fields;
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value !== 'string' && name !== 'partition') continue;
      const values = this.#values.get(name) ?? new Set();
      this.#values.set(name, values);
      // One more than is shown, to know whether there are more.
      if (values.size <= MOST_SAMPLES) {
        values.add(typeof value === 'string' ? boundedText(value, CAUSE_LENGTH) : Number(value));
      }
    }
  }

  /** Fields that differed, with some of their values in place of the last one. */
  readonly samples = (): LogFields => {
    const differing = [...this.#values].filter(([, values]) => values.size > 1);
    return Object.fromEntries(
      differing.map(([name, values]) => {
        const shown = [...values].slice(0, MOST_SAMPLES);
        return [name, values.size > MOST_SAMPLES ? [...shown, '…'] : shown];
      }),
    );
  };
}

function causeOf(fields: LogFields): string {
  const { err, reason } = fields;
  if (err instanceof Error) return errorOf(err);
  if (typeof reason === 'string') return reason.slice(0, CAUSE_LENGTH);
  const texts = Object.entries(fields).filter(([name, value]) => isIdentifying(name, value));
  return texts.map(([name, value]) => `${name}=${String(value).slice(0, CAUSE_LENGTH)}`).join(' ');
}

function isIdentifying(name: string, value: unknown): boolean {
  return typeof value === 'string' || name === 'partition' || name === 'worker';
}

/** The first cause of an error that has a code, or else its text without the numbers in it. */
function errorOf(error: Error): string {
  let last = error;
  for (let depth = 0; depth < 5 && last.cause instanceof Error; depth++) last = last.cause;
  const { sqlState, code } = last as { sqlState?: unknown; code?: unknown };
  const known = sqlState ?? (last.name === 'QueueError' ? undefined : code);
  return `${last.name} ${typeof known === 'string' ? known : last.message.slice(0, CAUSE_LENGTH).replace(/\d+/g, '#')}`;
}
