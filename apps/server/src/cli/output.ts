import type { Writable } from 'node:stream';
import type { MessageCodec } from '@querator/protocol';
import type { CliIo } from './io.ts';

/** Writes what a command has to say: data to standard output, words to standard error. */
export class Output {
  readonly #stdout: Writable;
  readonly #stderr: Writable;

  constructor({ stdout, stderr }: CliIo) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    // Whoever writes learns of a failure from `data`; without a listener it would end the process as well.
    stdout.on('error', () => {});
    stderr.on('error', () => {});
  }

  /** Writes data and waits until it is out. @throws Error with the code EPIPE when nobody reads any more. */
  data(text: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Writes a message as the JSON of the API, indented by 2. */
  json<T>(codec: MessageCodec<T>, message: T): Promise<void> {
    const value: unknown = JSON.parse(new TextDecoder().decode(codec.toJson(message)));
    return this.data(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** Says a line to people. */
  say(line: string): void {
    this.#stderr.write(`${line}\n`);
  }

  /** Shows a line that the next one replaces; an empty one wipes it out. Only for terminals. */
  sayForNow(line: string): void {
    this.#stderr.write(`\r\u001b[2K${line}`);
  }
}
