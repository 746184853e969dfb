import { type DigestValue, ItemDigest } from '../items/item-digest.ts';
import { ArchiveFault } from './archive-fault.ts';
import { type ArchiveEnd, type ArchiveLine, decodeLine, endBytes } from './archive-lines.ts';
import { Chain, FIRST_CHAIN } from './archive-writer.ts';
import { decompressed } from './decompressed.ts';
import { numberedLines } from './numbered-lines.ts';

const NEW_LINE = Buffer.from('\n');

/**
 * Reads an archive, compressed or not. Holds one line and a piece of the input in memory.
 *
 * Checks that it is complete, and that it is as it was written: each checkpoint those
 * lines that it follows, and the end the numbers and digests of all items. So what was
 * read is proven only once the last line has come.
 *
 * @throws ArchiveFault that names the line.
 */
export async function* readArchive(input: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveLine> {
  const check = new ArchiveCheck();
  for await (const { bytes, number } of numberedLines(decompressed(input))) {
    let line: ArchiveLine;
    try {
      line = decodeLine(bytes);
      check.add(line, bytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ArchiveFault(`line ${number}: ${reason}`, { cause: error });
    }
    yield line;
  }
  check.close();
}

/** Follows the lines of an archive, and compares them with what it says of them. */
class ArchiveCheck {
  readonly #chain = new Chain(FIRST_CHAIN);
  readonly #digests = new Map<string, ItemDigest>();
  #section: ItemDigest | undefined;
  #state: 'new' | 'open' | 'ended' = 'new';

  add(line: ArchiveLine, bytes: Uint8Array): void {
    if (this.#state === 'ended') throw new ArchiveFault('it follows the end of the archive');
    if (this.#state === 'new' && line.is !== 'header') {
      throw new ArchiveFault('it is not the first line of an archive');
    }
    this.#state = 'open';
    switch (line.is) {
      case 'header':
      case 'queue':
      case 'schedule':
      case 'quota':
        break;
      case 'section':
        this.#section = this.#digests.get(line.queue) ?? new ItemDigest();
        this.#digests.set(line.queue, this.#section);
        break;
      case 'key':
        if (this.#section === undefined) throw new ArchiveFault('a dedup key follows no queue');
        this.#section.addKey(line.key);
        break;
      case 'item':
        if (this.#section === undefined) throw new ArchiveFault('an item follows no queue');
        this.#section.add(line.item);
        break;
      case 'checkpoint':
        this.#compare(line.checkpoint.chain);
        return;
      case 'end':
        this.#chain.add(endBytes(line.end.queues));
        this.#compare(line.end.chain);
        this.#compareQueues(line.end);
        this.#state = 'ended';
        return;
    }
    this.#chain.add(bytes);
    this.#chain.add(NEW_LINE);
  }

  /** No line follows. */
  close(): void {
    if (this.#state === 'new') throw new ArchiveFault('it is empty');
    if (this.#state === 'open')
      throw new ArchiveFault('it is not complete: the export was ended before its end');
  }

  #compare(chain: string): void {
    if (this.#chain.next() !== chain) {
      throw new ArchiveFault('the lines since the last checkpoint are not those that were written');
    }
  }

  #compareQueues({ queues }: ArchiveEnd): void {
    for (const [queue, told] of queues) {
      const read = this.#digests.get(queue)?.value ?? { items: 0, digest: '' };
      if (!isSame(read, told)) {
        const text = `queue '${queue}' has ${read.items} items, and the export wrote ${told.items}`;
        throw new ArchiveFault(read.items === told.items ? `queue '${queue}' has other items or keys` : text);
      }
    }
  }
}

function isSame(a: DigestValue, b: DigestValue): boolean {
  const hasSameItems = a.items === b.items && (a.digest === b.digest || a.items === 0);
  return hasSameItems && a.keys?.count === b.keys?.count && a.keys?.digest === b.keys?.digest;
}
