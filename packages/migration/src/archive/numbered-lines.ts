import { ArchiveFault } from './archive-fault.ts';

/** The bytes of the longest line: an item of the largest request, in base64. */
const LONGEST_LINE = 96_000_000;

/** A line without its line feed, and its number from 1. */
export interface NumberedLine {
  readonly bytes: Uint8Array;
  readonly number: number;
}

/** Splits bytes into lines. Leaves out empty ones. @throws ArchiveFault for a line without end. */
export async function* numberedLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<NumberedLine> {
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let number = 1;
  for await (const chunk of input) {
    let start = 0;
    for (let feed = chunk.indexOf(0x0a); feed >= 0; feed = chunk.indexOf(0x0a, start)) {
      const bytes = joined(begun, chunk.subarray(start, feed));
      if (bytes.length > 0) yield { bytes, number };
      begun = [];
      begunBytes = 0;
      number++;
      start = feed + 1;
    }
    if (start === chunk.length) continue;
    begun.push(chunk.subarray(start));
    begunBytes += chunk.length - start;
    if (begunBytes > LONGEST_LINE) throw new ArchiveFault(`line ${number} is longer than an item can be`);
  }
  if (begunBytes > 0) yield { bytes: joined(begun), number };
}

function joined(parts: readonly Uint8Array[], last?: Uint8Array): Uint8Array {
  if (parts.length === 0 && last !== undefined) return last;
  return Buffer.concat(last === undefined ? parts : [...parts, last]);
}
