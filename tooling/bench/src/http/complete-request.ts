import { queueEndpoints } from '@querator/protocol';
import { ID_BYTES, type LeaseScan } from './lease-scan.ts';
import { requestHead } from './request-bytes.ts';

const TIMEOUT = '1m';
/** The tag and the length before each id. */
const ID_FIELD = Buffer.from([(4 << 3) | 2, ID_BYTES]);

/** Writes QueueCompleteRequests in protobuf. Their ids are copied from the bytes of lease replies. */
export class CompleteRequests {
  readonly #queueName: Buffer;
  readonly #head = requestHead(queueEndpoints.complete.path, 'protobuf');

  constructor(queueName: string) {
    const name = Buffer.from(queueName);
    // One byte of length is enough for the names of the bench's queues.
    this.#queueName = Buffer.concat([Buffer.from([(1 << 3) | 2, name.length]), name]);
  }

  /** Completes all items of a lease reply. */
  of(reply: Buffer, { partition, idStarts }: LeaseScan): Buffer {
    const front = Buffer.from([2 << 3, partition, (3 << 3) | 2, TIMEOUT.length]);
    const length =
      this.#queueName.length + front.length + TIMEOUT.length + idStarts.length * (ID_BYTES + ID_FIELD.length);
    const head = `${this.#head}${length}\r\n\r\n`;
    const bytes = Buffer.allocUnsafe(head.length + length);
    let at = bytes.write(head, 0, 'latin1');
    at += this.#queueName.copy(bytes, at);
    at += front.copy(bytes, at);
    at += bytes.write(TIMEOUT, at, 'latin1');
    for (const start of idStarts) {
      at += ID_FIELD.copy(bytes, at);
      at += reply.copy(bytes, at, start, start + ID_BYTES);
    }
    return bytes;
  }
}
