import { ArchiveFault } from './archive-fault.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** The bytes of the longest frame header. */
const LONGEST_HEADER = 18;

/** A piece of a frame. */
export interface FramePiece {
  readonly bytes: Uint8Array;
  /** Whether the frame ends with it. */
  readonly isLast: boolean;
}

/**
 * Splits a zstd file into its frames (RFC 8878), in pieces no larger than those of the
 * input. Node's decompressor ignores what follows the first frame in a piece of input,
 * and reports no frame that ends too early.
 *
 * @throws ArchiveFault if the input is no zstd file, or ends inside a frame.
 */
export async function* zstdFrames(input: AsyncIterable<Uint8Array>): AsyncGenerator<FramePiece> {
  let left: Buffer = Buffer.alloc(0);
  const state: FrameState = { next: 'frame', bytes: 0, checksum: 0 };
  for await (const chunk of input) {
    left = left.length === 0 ? Buffer.from(chunk) : Buffer.concat([left, chunk]);
    let taken = 0;
    let start = 0;
    for (;;) {
      const bytes = step(state, left.subarray(taken));
      if (bytes === undefined) break;
      taken += bytes;
      if (state.next !== 'frame') continue;
      if (!state.skipped) yield { bytes: left.subarray(start, taken), isLast: true };
      start = taken;
      state.skipped = false;
    }
    if (taken > start && !state.skipped) yield { bytes: left.subarray(start, taken), isLast: false };
    left = left.subarray(taken);
  }
  if (state.next !== 'frame' || left.length > 0)
    throw new ArchiveFault('it ends in the middle of a zstd frame');
}

interface FrameState {
  /** What comes next. `content` has `bytes` bytes left. */
  next: 'frame' | 'block' | 'content';
  bytes: number;
  /** The bytes after the last block. */
  checksum: number;
  isLastBlock?: boolean;
  /** Whether this is a frame that decompressors skip. */
  skipped?: boolean;
}

/** Takes the next part of the input. @returns how many bytes it has; undefined: more input is needed. */
function step(state: FrameState, input: Buffer): number | undefined {
  switch (state.next) {
    case 'frame':
      return frameHeader(state, input);
    case 'block': {
      if (input.length < 3) return undefined;
      const header = input.readUIntLE(0, 3);
      const [type, size] = [(header >> 1) & 3, header >> 3];
      if (type === 3) throw new ArchiveFault('it has a damaged zstd block');
      state.isLastBlock = (header & 1) === 1;
      // A block of one repeated byte.
      begin(state, (type === 1 ? 1 : size) + (state.isLastBlock ? state.checksum : 0));
      return 3;
    }
    case 'content': {
      if (input.length === 0) return undefined;
      const bytes = Math.min(state.bytes, input.length);
      begin(state, state.bytes - bytes);
      return bytes;
    }
  }
}

function begin(state: FrameState, bytes: number): void {
  state.bytes = bytes;
  if (bytes > 0) state.next = 'content';
  else state.next = state.isLastBlock === true ? 'frame' : 'block';
}

function frameHeader(state: FrameState, input: Buffer): number | undefined {
  if (input.length < 8) return undefined;
  const magic = input.readUInt32LE(0);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
    state.skipped = true;
    state.isLastBlock = true;
    begin(state, input.readUInt32LE(4));
    return 8;
  }
  if (magic !== MAGIC) throw new ArchiveFault('it is no zstd file, or damaged');
  const descriptor = input[4] as number;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  const size = 5 + (isSingleSegment ? 0 : 1) + dictionary + contentSize;
  if (input.length < Math.min(size, LONGEST_HEADER)) return undefined;
  state.checksum = (descriptor & 4) !== 0 ? 4 : 0;
  state.isLastBlock = false;
  state.next = 'block';
  return size;
}
