import type { Readable, Writable } from 'node:stream';

const ALTERNATE_SCREEN = '\u001b[?1049h';
const MAIN_SCREEN = '\u001b[?1049l';
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** Names may have characters of double width: such a line is cut, and not continued in the next one. */
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';
const TO_TOP = '\u001b[H';
const CLEAR_TO_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** What terminals have besides other streams. */
interface TerminalOutput extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

interface TerminalInput extends Readable {
  readonly isTTY?: boolean;
  readonly setRawMode?: (on: boolean) => unknown;
}

/** A terminal that shows one page after the other in place. */
export class Screen {
  readonly #input: TerminalInput;
  readonly #output: TerminalOutput;
  readonly #onKey: (key: string) => void;
  readonly #read = (chunk: Buffer | string): void => {
    for (const key of String(chunk)) this.#onKey(key);
  };

  /** @param onKey is called with each character that the user types; Ctrl-C is `\u0003`. */
  constructor(input: Readable, output: Writable, onKey: (key: string) => void) {
    this.#input = input;
    this.#output = output;
    this.#onKey = onKey;
  }

  /** Whether the output is a terminal. */
  static isTerminal(output: Writable): boolean {
    return (output as TerminalOutput).isTTY === true;
  }

  get columns(): number {
    return this.#output.columns || 80;
  }

  get rows(): number {
    return this.#output.rows || 24;
  }

  /** Leaves what the terminal showed, and reads keys without echo. */
  open(): void {
    this.#output.write(`${ALTERNATE_SCREEN}${HIDE_CURSOR}${NO_WRAP}`);
    if (this.#input.isTTY) this.#input.setRawMode?.(true);
    this.#input.on('data', this.#read);
  }

  /** Shows lines, as many as fit. Writes them over the old ones at once, so that nothing flickers. */
  show(lines: readonly string[]): void {
    const fitting = lines.slice(0, this.rows).map((line) => line.slice(0, this.columns));
    const page = fitting.map((line) => `${line}${CLEAR_TO_LINE_END}`).join('\r\n');
    this.#output.write(`${TO_TOP}${page}${CLEAR_BELOW}`);
  }

  /** Shows again what the terminal showed before. */
  close(): void {
    this.#input.off('data', this.#read);
    if (this.#input.isTTY) this.#input.setRawMode?.(false);
    this.#input.pause();
    this.#output.write(`${WRAP}${SHOW_CURSOR}${MAIN_SCREEN}`);
  }
}
