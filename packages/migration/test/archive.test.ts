import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArchiveFault, readArchive } from '../src/index.ts';
import { itemsOf, linesOf, MemorySink, writeArchive } from './support/archive.ts';
import { anyItem, shown } from './support/items.ts';

const parts = fc.array(fc.array(anyItem, { maxLength: 4 }), { maxLength: 3 });

async function bytesOf(given: readonly (readonly Awaited<ReturnType<typeof itemsOf>>[number][])[]) {
  const sink = new MemorySink();
  await writeArchive(sink, given);
  return sink.bytes;
}

describe('an archive', () => {
  test('is read as it was written, in whatever chunks it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 1, max: 200 }), async (given, chunk) => {
        expect(shown(await itemsOf(await bytesOf(given), chunk))).toEqual(shown(given.flat()));
      }),
      { numRuns: 100 },
    );
  });

  test('is refused if any bit of it changed', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.nat(), fc.nat({ max: 7 }), async (given, at, bit) => {
        const bytes = await bytesOf(given);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] as number) ^ (1 << bit);
        await expect(linesOf(bytes)).rejects.toThrow(ArchiveFault);
      }),
      { numRuns: 300 },
    );
  });

  test('is refused if its end or a line is missing', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.nat(), async (given, cut) => {
        const bytes = await bytesOf(given);
        await expect(linesOf(bytes.subarray(0, cut % (bytes.length - 1)))).rejects.toThrow(ArchiveFault);
        const lines = bytes.toString().trimEnd().split('\n');
        lines.splice(cut % lines.length, 1);
        await expect(linesOf(Buffer.from(lines.join('\n')))).rejects.toThrow(ArchiveFault);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ['plain', (bytes: Buffer) => bytes],
    ['compressed', (bytes: Buffer) => zlib.zstdCompressSync(bytes)],
  ])(
    'that is %s lets go of its input when the reader stops early, or a line is refused',
    async (_, encode) => {
      const whole = '{"querator":"header","format":1}\n{"querator":"section","queue":"q"}\n{}\n';
      for (const text of [whole, 'nothing\n{}\n']) {
        let isClosed = false;
        async function* input() {
          try {
            for (const byte of encode(Buffer.from(text))) yield Buffer.of(byte);
            yield* new Array<Buffer>(1_000).fill(Buffer.from(' '));
          } finally {
            isClosed = true;
          }
        }
        const lines = readArchive(input());
        await lines.next().catch(() => {});
        await lines.return(undefined);
        expect(isClosed).toBe(true);
      }
    },
  );

  test.each([
    ['{"kind":"a"}\n', 'line 1: it is not the first line of an archive'],
    ['{"querator":"header","format":2}\n', 'line 1: its format is 2, and this version reads format 1'],
    ['\n{"querator":"future"}\n', "line 2: it has a line of the unknown kind 'future'"],
    ['{"querator":"header","format":1}\n{}\n', 'line 2: an item follows no queue'],
    ['{"querator":"header","format":1}\nnothing\n', 'line 2: '],
    ['{"querator":"header","format":1}\n', 'it is not complete: the export was ended before its end'],
    ['', 'it is empty'],
  ])('of %j is refused with a reason', async (text, message) => {
    await expect(linesOf(Buffer.from(text))).rejects.toThrow(message);
  });
});
