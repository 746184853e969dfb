import type { DestinationStream } from 'pino';
import { build } from 'pino-pretty';

/** Prints log lines for people. Synchronous, so that no line is lost at the exit of the process. */
export function pinoPretty(colorize: boolean): DestinationStream {
  return build({
    colorize,
    sync: true,
    messageKey: 'message',
    translateTime: 'SYS:standard',
    ignore: 'pid,hostname',
  });
}
