import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { visibleText } from './visible-text.ts';

/** Begins the colours of a terminal. pino-pretty lets no other one through. */
const ESCAPE = '\u001b';

/** Prints log lines for people. Synchronous, so that no line is lost at the exit of the process. */
export function prettyStream(colorize: boolean, stdout: DestinationStream): DestinationStream {
  const format = prettyFactory({
    colorize,
    messageKey: 'message',
    translateTime: 'SYS:standard',
    ignore: 'pid,hostname',
  });
  return {
    write: (line: string) => stdout.write(format(line).split(ESCAPE).map(visibleText).join(ESCAPE)),
  };
}
