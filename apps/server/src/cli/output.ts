import type { Writable } from 'node:stream';
import type { MessageCodec } from '@querator/protocol';
import { visibleText } from '../observability/visible-text.ts';
import type { CliIo } from './io.ts';
import { tableOf } from './value-table.ts';

/** Writes the output of a command: data to standard output, messages to standard error. */
export class Output {
  /** Whether values are written as tables. */
  asTable = false;
  readonly #stdout: Writable;
  readonly #stderr: Writable;

  constructor({ stdout, stderr }: CliIo) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    // `data` reports a failed write. Without a listener, the failure would also end the process.
    stdout.on('error', () => {});
    stderr.on('error', () => {});
  }

  /** Writes data and waits until it is written. @throws Error with the code EPIPE if the reader has closed the pipe. */
  data(text: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Writes a message as the JSON of the API, indented by 2. */
  json<T>(codec: MessageCodec<T>, message: T): Promise<void> {
    return this.value(JSON.parse(new TextDecoder().decode(codec.toJson(message))));
  }

  /** Writes a value as JSON, indented by 2, or as a table if the user asked for one. Invisible characters are escaped, which JSON allows. */
  value(value: object): Promise<void> {
    if (this.asTable) return this.data(tableOf(value));
    return this.data(`${visibleText(JSON.stringify(value, undefined, 2))}\n`);
  }

  /** Writes a value as JSON in one line, without invisible characters. */
  line(value: unknown): Promise<void> {
    return this.data(`${visibleText(JSON.stringify(value))}\n`);
  }

  /** Writes a line for people, with invisible characters as escapes. */
  say(line: string): void {
    this.#stderr.write(`${visibleText(line)}\n`);
  }

  /** Shows a line on a terminal that the next call replaces. An empty line clears it. */
  sayForNow(line: string): void {
    this.#stderr.write(`\r\u001b[2K${line}`);
  }
}
