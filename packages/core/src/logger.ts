/** What accompanies a log line. Never a payload, a connection string or a key. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * A structured log. Any pino logger fits once its arguments are turned round;
 * the server does that. An error goes in the field `err`.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const ignore = () => {};

/** Logs nothing; the default where an embedder gives no logger. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * The same logger, safe to call in the midst of anything: what it throws, or
 * the promise that it returns is rejected with, is dropped. There is nowhere
 * to report that a log cannot be written.
 */
export function guardedLogger(logger: Logger): Logger {
  const guarded =
    (level: keyof Logger): Logger['info'] =>
    (message, fields) => {
      try {
        const returned: unknown = logger[level](message, fields);
        if (returned instanceof Promise) returned.catch(ignore);
      } catch {}
    };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}
