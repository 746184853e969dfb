import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decompressed } from '../src/archive/decompressed.ts';
import { ArchiveFault } from '../src/index.ts';
import { collected } from './support/archive.ts';

/** Contents of several frames, some of which compress to blocks of one byte. */
const frames = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.nat({ max: 300_000 }).map((length) => new Uint8Array(length)),
    fc.nat({ max: 200_000 }).map((length) => Buffer.alloc(length, 'querator ')),
  ),
  { minLength: 1, maxLength: 4 },
);
const chunkSize = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1_000, max: 1_000_000 }));
const SKIPPED = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

async function read(bytes: Uint8Array, size: number): Promise<Buffer> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return Buffer.concat(await collected(decompressed(chunks())));
}

test('several frames are read one after the other, in whatever chunks they arrive', async () => {
  await fc.assert(
    fc.asyncProperty(frames, chunkSize, fc.boolean(), async (contents, size, skips) => {
      const file = contents.flatMap((each) => [zstdCompressSync(each), skips ? SKIPPED : Buffer.alloc(0)]);
      expect(await read(Buffer.concat(file), size)).toEqual(Buffer.concat(contents));
    }),
    { numRuns: 60 },
  );
});

test('a file that ends inside a frame is refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(),
      chunkSize,
      async (last, cut, size) => {
        const whole = zstdCompressSync(Buffer.from('the first frame'));
        const ending = zstdCompressSync(last);
        const bytes = Buffer.concat([whole, ending.subarray(0, 1 + (cut % (ending.length - 1)))]);
        await expect(read(bytes, size)).rejects.toThrow(ArchiveFault);
      },
    ),
    { numRuns: 60 },
  );
});

test('a file with other bytes behind a frame is refused', async () => {
  const bytes = Buffer.concat([zstdCompressSync(Buffer.from('a')), Buffer.from('no frame follows')]);
  await expect(read(bytes, 1_000)).rejects.toThrow('it is no zstd file, or damaged');
});
