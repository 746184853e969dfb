import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { shortText } from '../errors/short-text.ts';
import { BinaryRow } from './binary-row.ts';
import { checkRow, type MessageLimits } from './message-limits.ts';

/** The kind of a message, and its length without that byte. */
const HEADER_BYTES = 5;
/** A row. Its header is followed by the number of its fields. */
const DATA_ROW = 'D'.charCodeAt(0);
const FIELD_COUNT_BYTES = 2;

/** The part of a connection of `pg` that receives what the server sends. */
interface Wire {
  attachListeners(stream: Duplex): void;
}

/** The events of received data that `pg` listens to. */
type Forwarded = Pick<EventEmitter, 'on' | 'emit'>;

/**
 * Takes the rows of a statement out of the received bytes. `pg` would create a text
 * per field and an object per row. Everything else is passed to `pg`, and so are the rows
 * of other statements.
 *
 * All received bytes pass through here from the start, so this also checks them
 * against the protocol.
 */
export class RowStream {
  /** Called with each row, which is only valid during the call. Undefined: rows go to `pg`. */
  take: ((row: BinaryRow) => void) | undefined;
  readonly #row = new BinaryRow();
  readonly #forward: (bytes: Buffer) => void;
  readonly #limits: Pick<MessageLimits, 'check'>;
  /** The bytes still missing of a message that is passed to `pg`. */
  #left = 0;
  /** The beginning of a message that is still too short to be used. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** The bytes that it needs. */
  #needed = 0;
  /** Whether the header of that message has been checked. */
  #isChecked = false;

  /**
   * @param forward receives everything but the rows that are taken, in order.
   * @param limits checks each message as it begins. Undefined: only rows are checked.
   */
  constructor(forward: (bytes: Buffer) => void, limits: Pick<MessageLimits, 'check'> = { check() {} }) {
    this.#forward = forward;
    this.#limits = limits;
  }

  /**
   * Stands between a server and a client that has not connected yet. Ends the
   * connection if neither this class nor `pg` can read what the server sends.
   */
  static before(client: pg.Client, limits: MessageLimits): RowStream {
    const rest: Forwarded = new EventEmitter();
    const rows = new RowStream((bytes) => void rest.emit('data', bytes), limits);
    const wire = (client as unknown as { readonly connection: Wire }).connection;
    const attach = wire.attachListeners.bind(wire);
    wire.attachListeners = (stream) => {
      attach(rest as Duplex);
      let isReadable = true;
      stream.on('data', (bytes: Buffer) => {
        if (!isReadable) return;
        try {
          rows.push(bytes);
        } catch (error) {
          isReadable = false;
          const reason = error instanceof Error ? shortText(error.message) : 'unknown failure';
          stream.destroy(new Error(`the server broke the protocol: ${reason}`));
        }
      });
      stream.on('end', () => void rest.emit('end'));
    };
    return rows;
  }

  /**
   * Reads the next bytes, which may start and end anywhere.
   *
   * @throws Error when they cannot be read. Do not push any more after that.
   */
  push(bytes: Buffer): void {
    if (this.#begunBytes === 0) {
      this.#read(bytes);
      return;
    }
    this.#begun.push(bytes);
    this.#begunBytes += bytes.length;
    // Join once: a long row comes in a thousand pieces.
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
      const isRow = bytes[at] === DATA_ROW;
      if (available >= HEADER_BYTES && !this.#isChecked) {
        this.#limits.check(bytes[at] as number, length - 1);
        this.#isChecked = true;
      }
      if (available < HEADER_BYTES || (isRow && available < length)) {
        this.#begun = [bytes.subarray(at)];
        this.#begunBytes = available;
        this.#needed = length;
        break;
      }
      this.#isChecked = false;
      if (isRow) checkRow(bytes, at + HEADER_BYTES, at + length);
      if (isRow && this.take !== undefined) {
        if (forwardFrom < at) this.#forward(bytes.subarray(forwardFrom, at));
        this.#row.turnTo(bytes, at + HEADER_BYTES + FIELD_COUNT_BYTES, at + length);
        this.take(this.#row);
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
