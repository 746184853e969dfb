import { pipeline, Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { ArchiveFault } from './archive-fault.ts';
import { type FramePiece, zstdFrames } from './zstd-frames.ts';

const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** @throws ArchiveFault if this Node does not know zstd, as those before 22.15 and 23.8. */
export function checkZstd(): void {
  if (typeof (zlib as Partial<typeof zlib>).createZstdDecompress === 'function') return;
  throw new ArchiveFault(
    `zstd needs Node 22.15 or later, and this is ${process.version}; use an archive without compression`,
  );
}

/**
 * The contents of an archive: as they are, or decompressed if they begin as a zstd file
 * does.
 *
 * @throws ArchiveFault if the file is damaged, or this Node does not know zstd.
 */
export async function* decompressed(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const [first, rest] = await peek(input, MAGIC.length);
  if (!first.subarray(0, MAGIC.length).equals(MAGIC)) return yield* rest;
  checkZstd();
  const pieces = zstdFrames(rest);
  try {
    for (;;) {
      const next = await pieces.next();
      if (next.done === true) return;
      yield* decompressedFrame(next.value, pieces);
    }
  } finally {
    // So that the input is closed, whoever stops to read.
    await pieces.return(undefined);
  }
}

async function* decompressedFrame(
  first: FramePiece,
  pieces: AsyncGenerator<FramePiece>,
): AsyncGenerator<Uint8Array> {
  const decompressor = zlib.createZstdDecompress();
  // A failure ends the loop below with the error.
  pipeline(Readable.from(frame(first, pieces)), decompressor, () => {});
  try {
    yield* decompressor as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (error instanceof ArchiveFault) throw error;
    throw new ArchiveFault(`it is damaged: ${(error as Error).message}`, { cause: error });
  }
}

/** The pieces of one frame. */
async function* frame(first: FramePiece, pieces: AsyncGenerator<FramePiece>): AsyncGenerator<Uint8Array> {
  let piece: FramePiece | undefined = first;
  while (piece !== undefined) {
    yield piece.bytes;
    if (piece.isLast) return;
    const next: IteratorResult<FramePiece> = await pieces.next();
    piece = next.done === true ? undefined : next.value;
  }
}

/** The first bytes of the input, at least so many if it has them, and all of it. */
async function peek(
  input: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<[Buffer, AsyncGenerator<Uint8Array>]> {
  const iterator = input[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.length < bytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield first;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return [first, all()];
}
