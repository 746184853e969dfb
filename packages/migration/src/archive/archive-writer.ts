import { createHash } from 'node:crypto';
import type { DigestValue } from '../items/item-digest.ts';
import { type ArchiveHeader, type ArchiveLine, encodeLine, endBytes } from './archive-lines.ts';

/** From where an export that was ended goes on. */
export interface ResumePoint {
  readonly header: ArchiveHeader;
  /** The chain of the last checkpoint. */
  readonly chain: string;
  /** The names of all queues of the export, in order. */
  readonly queues: readonly string[];
  /** What the archive has of each queue that was begun. The last one is not complete. */
  readonly written: readonly DigestValue[];
  /** Where to go on in the items of the last one of `written`. Empty: it is complete, or none is written. */
  readonly cursor: string;
  /** Where to go on in its dedup keys, which come before its items. Undefined: all are written. */
  readonly keysCursor?: string | undefined;
}

/** Where an archive goes. */
export interface ArchiveSink {
  /**
   * Adds a part of the archive. When it resolves, the part is durable, and a later
   * export may resume behind it.
   */
  append(part: Uint8Array, resume: ResumePoint): Promise<void>;
  /** Adds the last part. */
  finish(part: Uint8Array): Promise<void>;
}

/** The value that the first chain continues. */
export const FIRST_CHAIN = '';

/** Continues a chain with bytes. */
export class Chain {
  #hash;

  constructor(before: string) {
    this.#hash = createHash('sha256').update(before, 'hex');
  }

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Ends this link, and begins the next one. */
  next(): string {
    const chain = this.#hash.digest('hex');
    this.#hash = createHash('sha256').update(chain, 'hex');
    return chain;
  }
}

/** Writes the lines of an archive in parts. Holds one part in memory. */
export class ArchiveWriter {
  readonly #sink: ArchiveSink;
  readonly #chain: Chain;
  #lines: Uint8Array[] = [];
  #bytes = 0;

  /** @param chain that of the checkpoint to go on from. */
  constructor(sink: ArchiveSink, chain: string = FIRST_CHAIN) {
    this.#sink = sink;
    this.#chain = new Chain(chain);
  }

  /** The bytes since the last checkpoint. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  add(line: ArchiveLine): void {
    const bytes = encodeLine(line);
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
    this.#chain.add(bytes);
  }

  /** Ends a part of the archive. */
  async checkpoint(resume: Omit<ResumePoint, 'chain'>): Promise<void> {
    const chain = this.#chain.next();
    const line = encodeLine({ is: 'checkpoint', checkpoint: { chain } });
    await this.#sink.append(this.#take(line), { ...resume, chain });
  }

  /** Ends the archive. */
  async end(queues: ReadonlyMap<string, DigestValue>): Promise<void> {
    this.#chain.add(endBytes(queues));
    await this.#sink.finish(
      this.#take(encodeLine({ is: 'end', end: { queues, chain: this.#chain.next() } })),
    );
  }

  #take(last: Uint8Array): Uint8Array {
    const part = Buffer.concat([...this.#lines, last]);
    this.#lines = [];
    this.#bytes = 0;
    return part;
  }
}
