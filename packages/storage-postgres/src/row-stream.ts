import { EventEmitter } from 'node:events';
import type pg from 'pg';
import { BinaryRow } from './binary-row.ts';

/** A message of the server's begins with its kind, and its length without that. */
const HEADER_BYTES = 5;
/** A row, and behind its header the number of its fields. */
const DATA_ROW = 'D'.charCodeAt(0);
const FIELD_COUNT_BYTES = 2;

/** The part of a connection of `pg` that listens to what the server sends. */
interface Wire {
  attachListeners(stream: EventEmitter): void;
}

/**
 * Takes the rows of a statement out of what a server sends, before `pg` makes
 * a text of every field and an object of every row. Everything else goes on to
 * `pg`, and so do the rows of all other statements.
 */
export class RowStream {
  /** Told of each row, which is only good during the call. Absent: rows go to `pg`. */
  take: ((row: BinaryRow) => void) | undefined;
  readonly #row = new BinaryRow();
  readonly #forward: (bytes: Buffer) => void;
  /** So many bytes are left of a message that goes on to `pg`. */
  #left = 0;
  /** The beginning of a message that is yet too short to do anything with. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** How many bytes of it there have to be. */
  #needed = 0;

  /** @param forward takes what is not a row that somebody takes, in the order in which it came. */
  constructor(forward: (bytes: Buffer) => void) {
    this.#forward = forward;
  }

  /** Stands between a server and a client that has not connected yet. */
  static before(client: pg.Client): RowStream {
    const rest = new EventEmitter();
    const rows = new RowStream((bytes) => void rest.emit('data', bytes));
    const wire = (client as unknown as { readonly connection: Wire }).connection;
    const attach = wire.attachListeners.bind(wire);
    wire.attachListeners = (stream) => {
      attach(rest);
      stream.on('data', (bytes: Buffer) => rows.push(bytes));
      stream.on('end', () => void rest.emit('end'));
    };
    return rows;
  }

  /** What the server sent next, cut anywhere. */
  push(bytes: Buffer): void {
    if (this.#begunBytes === 0) {
      this.#read(bytes);
      return;
    }
    this.#begun.push(bytes);
    this.#begunBytes += bytes.length;
    // Joined once: a long row comes in a thousand pieces.
    if (this.#begunBytes < this.#needed) return;
    const whole = Buffer.concat(this.#begun, this.#begunBytes);
    this.#begun = [];
    this.#begunBytes = 0;
    this.#read(whole);
  }

  #read(bytes: Buffer): void {
    let forwardFrom = 0;
    let at = Math.min(this.#left, bytes.length);
    this.#left -= at;
    while (at < bytes.length) {
      const available = bytes.length - at;
      const length = available < HEADER_BYTES ? HEADER_BYTES : 1 + bytes.readUInt32BE(at + 1);
      const isTaken = this.take !== undefined && bytes[at] === DATA_ROW;
      if (available < HEADER_BYTES || (isTaken && available < length)) {
        this.#begun = [bytes.subarray(at)];
        this.#begunBytes = available;
        this.#needed = length;
        break;
      }
      if (isTaken) {
        if (forwardFrom < at) this.#forward(bytes.subarray(forwardFrom, at));
        this.#row.turnTo(bytes, at + HEADER_BYTES + FIELD_COUNT_BYTES);
        this.take?.(this.#row);
        at += length;
        forwardFrom = at;
      } else {
        const here = Math.min(length, available);
        at += here;
        this.#left = length - here;
      }
    }
    if (forwardFrom < at) this.#forward(bytes.subarray(forwardFrom, at));
  }
}
