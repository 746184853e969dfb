import type { DestinationStream } from 'pino';
import { build } from 'pino-pretty';

/** A destination that prints log lines for people. In step with the program, so that nothing is lost at exit. */
export function pinoPretty(colorize: boolean): DestinationStream {
  return build({
    colorize,
    sync: true,
    messageKey: 'message',
    translateTime: 'SYS:standard',
    ignore: 'pid,hostname',
  });
}
