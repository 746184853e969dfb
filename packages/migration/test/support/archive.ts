import { codecs, type ItemsItem } from '@querator/protocol';
import { ArchiveWriter } from '../../src/archive/archive-writer.ts';
import { type ArchiveLine, type ArchiveSink, readArchive } from '../../src/index.ts';
import { ItemDigest } from '../../src/items/item-digest.ts';

/** Writes an archive of one queue, with the items of each part followed by a checkpoint. */
export async function writeArchive(
  sink: ArchiveSink,
  parts: readonly (readonly ItemsItem[])[],
): Promise<void> {
  const writer = new ArchiveWriter(sink);
  const header = { id: 'x', createdAt: '2026-01-01T00:00:00Z' };
  const plan = { header, queues: ['q'], written: [], cursor: '' };
  writer.add({ is: 'header', header });
  writer.add({ is: 'queue', info: codecs.QueueInfo.fromJson(Buffer.from('{"queue_name":"q"}')) });
  writer.add({ is: 'section', queue: 'q' });
  const digest = new ItemDigest();
  for (const part of parts) {
    for (const item of part) {
      writer.add({ is: 'item', item });
      digest.add(item);
    }
    await writer.checkpoint(plan);
  }
  await writer.end(new Map([['q', digest.value]]));
}

/** Keeps an archive in memory, without compression. */
export class MemorySink implements ArchiveSink {
  readonly parts: Uint8Array[] = [];

  async append(part: Uint8Array): Promise<void> {
    this.parts.push(part);
  }

  async finish(part: Uint8Array): Promise<void> {
    this.parts.push(part);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** Reads an archive that arrives in chunks of this size. */
export function linesOf(bytes: Uint8Array, chunk = 7): Promise<ArchiveLine[]> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  return collected(readArchive(chunks()));
}

/** All elements of a stream. */
export async function collected<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const element of elements) all.push(element);
  return all;
}

/** The items of an archive. */
export async function itemsOf(bytes: Uint8Array, chunk?: number): Promise<readonly ItemsItem[]> {
  return (await linesOf(bytes, chunk)).flatMap((line) => (line.is === 'item' ? [line.item] : []));
}
