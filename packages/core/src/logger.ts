/** The fields of a log line. Never a payload, a connection string or a key. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * A structured logger. A pino logger fits with its two arguments swapped, as the
 * server does. An error goes into the field `err`.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const ignore = () => {};

/** Logs nothing. The default if an embedder passes no logger. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * Wraps a logger so that it never throws. Its errors and the rejections of
 * promises that it returns are dropped: there is no place to report them.
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
