import type { Connection } from '../file/connection.ts';
import type { OpenFile } from '../file/open-file.ts';

/** Rows that one step removes: a few milliseconds, which the next request may have to wait. */
const ROWS_PER_STEP = 1_000;
/** Pages that one step gives back. */
const PAGES_PER_STEP = 1_000n;
/** Free pages that stay in the file for new items, besides a quarter of the file. */
const SPARE_PAGES = 2_000n;
/** Steps that begin by themselves after so many requests, to look at the free pages. */
const REQUESTS_PER_LOOK = 1_000;

/** Something has the open file between requests. */
interface HasIdleFile {
  readonly idleFile: OpenFile | undefined;
}

/**
 * Removes the rows of dropped partitions, and gives free pages back to the disk: in small
 * steps between requests, and only as long as there is something to do.
 */
export class Housekeeping {
  readonly #server: HasIdleFile;
  #isPlanned = false;
  #requests = 0;

  constructor(server: HasIdleFile) {
    this.#server = server;
  }

  /** Plans a step, if there may be something to do. Call it after each request. */
  soon(): void {
    const file = this.#server.idleFile;
    if (file === undefined || this.#isPlanned) return;
    const isTimeToLook = this.#requests++ % REQUESTS_PER_LOOK === 0;
    if (isTimeToLook || file.partitions.hasDropped) this.#plan();
  }

  #plan(): void {
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      const file = this.#server.idleFile;
      if (file !== undefined && this.#step(file)) this.#plan();
    });
  }

  /** @returns whether there is more to do. */
  #step({ connection, partitions }: OpenFile): boolean {
    try {
      if (partitions.removeDropped(ROWS_PER_STEP)) return true;
      return giveBackPages(connection);
    } catch {
      // A full disk or the like. The next requests tell, and another step follows after them.
      return false;
    }
  }
}

/** @returns whether more pages are to be given back. */
function giveBackPages(connection: Connection): boolean {
  const free = connection.get<{ freelist_count: bigint }>('pragma freelist_count')?.freelist_count ?? 0n;
  const all = connection.get<{ page_count: bigint }>('pragma page_count')?.page_count ?? 0n;
  const spare = SPARE_PAGES + all / 4n;
  if (free <= spare) return false;
  const count = free - spare < PAGES_PER_STEP ? free - spare : PAGES_PER_STEP;
  connection.exec(`pragma incremental_vacuum(${count})`);
  return free - count > spare;
}
