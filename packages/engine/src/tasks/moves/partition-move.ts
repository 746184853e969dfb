import {
  type CarriedChanges,
  type Clock,
  errorText,
  type GateState,
  type ItemId,
  invalid,
  type MoveClaim,
  type MoveEnd,
  type MoveStore,
  millisecondsBetween,
  type PartitionPlacement,
  type Queue,
  StorageError,
  unavailable,
} from '@querator/core';
import { keySpreadOf } from '../../partition/key-places.ts';
import { shiftedItem, shiftedKey } from './shifted-items.ts';

/** The most entries of one read of changes. */
const CHANGES = 1_000;
/** The source is closed only while at most this many changes are left. */
const FEW_CHANGES = 500;
/** How long the source may be closed before it opens again. */
const CLOSED_MS = 2_000;
/** The longest time between the two reads of the source's clock. */
const CLOCK_MS = 1_000;

/** Where a partition is, as its queue's record says. */
export type Whereabouts = 'moving' | 'switched' | 'deleted';

/** What both ends were when the copy began. */
export interface CopyBasis {
  /** The history of each end. The copy counts only while both stay the same. */
  readonly source: string;
  readonly target: string;
  /** What deadlines are shifted by, in microseconds. */
  readonly shift: string;
}

export interface PartitionMoveDeps {
  readonly clock: Clock;
  readonly claim: MoveClaim;
  readonly from: { readonly storageName: string; readonly store: MoveStore };
  readonly to: { readonly storageName: string; readonly store: MoveStore };
  /**
   * Changes the placement of the partition in the queue's record.
   *
   * @returns undefined if the queue was deleted.
   */
  readonly place: (
    change: (placement: PartitionPlacement) => PartitionPlacement,
  ) => Promise<Queue | undefined>;
  /** Throws QueueError `retry` unless every process can use the target. */
  readonly requireProcesses: () => Promise<void>;
  /** The queue's record has changed. */
  readonly switched: () => Promise<void>;
}

/** The work of one process on the move of a partition (docs/adr/0041-a-partition-moves-as-a-copy.md). */
export class PartitionMove {
  readonly #deps: PartitionMoveDeps;
  /** The last attempt that was written down in the record. */
  #attempt = 0;
  #whereabouts: Whereabouts | undefined;
  /** The fence on dedup keys that the partition must have; see `MoveStore.fenceKeys`. */
  #keySpread = 0;
  #ends: { readonly source: MoveEnd; readonly target: MoveEnd } | undefined;

  constructor(deps: PartitionMoveDeps) {
    this.#deps = deps;
  }

  get generation(): number {
    return this.#deps.claim.generation;
  }

  /** Where the partition is, from the record at first, and then as this process knows. */
  async whereabouts(): Promise<Whereabouts> {
    return this.#whereabouts ?? (await this.takeOver());
  }

  /**
   * Writes down in the record that this process works on the move: no earlier attempt can
   * switch any more.
   */
  async takeOver(): Promise<Whereabouts> {
    const { claim, from, to, place } = this.#deps;
    let found: Whereabouts = 'moving';
    this.#whereabouts = undefined;
    const queue = await place((placement) => {
      const { storageName, moving } = placement;
      found = storageName === to.storageName ? 'switched' : 'moving';
      if (found === 'switched') return placement;
      if (storageName !== from.storageName) {
        throw invalid(
          errorText`the partition is on storage '${storageName}', to which another task has moved it`,
        );
      }
      const isOurs = moving?.task === claim.task;
      if (isOurs && moving.generation > claim.generation) throw takenOver(claim);
      this.#attempt = isOurs ? moving.attempt + 1 : 1;
      return { ...placement, moving: { ...claim, to: to.storageName, attempt: this.#attempt } };
    });
    this.#keySpread = queue === undefined ? 0 : keySpreadOf(queue);
    this.#whereabouts = queue === undefined ? 'deleted' : found;
    return this.#whereabouts;
  }

  /** Begins the move at both ends, or takes it over. @returns the basis of a copy that is valid now. */
  async basis(known: CopyBasis | undefined): Promise<CopyBasis> {
    const { source, target } = await this.#begin();
    // The process before may have died while it was closed.
    if (source.state === 'closed') await this.#deps.from.store.reopen(this.#deps.claim);
    if (known?.source === source.history && known.target === target.history) return known;
    return { source: source.history, target: target.history, shift: String(await this.#clockShift()) };
  }

  /** Removes what earlier copies have left at the target. */
  async empty(): Promise<void> {
    const { claim, from, to } = this.#deps;
    await to.store.empty(claim);
    // The copy begins after these changes, and contains them.
    for (;;) {
      const { entries, more } = await from.store.readChanges(claim, CHANGES);
      await from.store.settleChanges(claim, entries);
      if (!more) return;
    }
  }

  /** Copies the items before an id. @returns their number, and where the next page begins. */
  async copyItems(before: ItemId | undefined, limit: number, { shift }: CopyBasis) {
    const { claim, from, to } = this.#deps;
    const { items, next } = await from.store.readItems(claim, before, limit);
    const shifted = items.map((item) => shiftedItem(item, BigInt(shift)));
    if (items.length > 0) await to.store.write(claim, { items: shifted, gone: [], keys: [] });
    return { copied: items.length, next };
  }

  /** Copies the dedup keys after a key. @returns where the next page begins. */
  async copyKeys(
    after: string | undefined,
    limit: number,
    { shift }: CopyBasis,
  ): Promise<string | undefined> {
    const { claim, from, to } = this.#deps;
    const { keys, next } = await from.store.readKeys(claim, after, limit);
    const shifted = keys.map((key) => shiftedKey(key, BigInt(shift)));
    if (keys.length > 0) await to.store.write(claim, { items: [], gone: [], keys: shifted });
    return next;
  }

  /**
   * Applies changes to the copy.
   *
   * @param copiedFrom items before this id are not copied yet: the copy will find them as they are then.
   * @returns how many entries there were, or that the copy has to begin anew.
   */
  async applyChanges(
    { shift }: CopyBasis,
    copiedFrom: ItemId = '',
  ): Promise<Pick<CarriedChanges, 'anew' | 'more'> & { readonly applied: number }> {
    const { claim, from, to } = this.#deps;
    const { entries, items, gone, keys, anew, more } = await from.store.readChanges(claim, CHANGES);
    if (anew) return { applied: 0, anew, more };
    const batch = {
      items: items.filter(({ id }) => id >= copiedFrom).map((item) => shiftedItem(item, BigInt(shift))),
      gone: gone.filter((id) => id >= copiedFrom),
      keys: keys.map((key) => shiftedKey(key, BigInt(shift))),
    };
    if (batch.items.length + batch.gone.length + batch.keys.length > 0) await to.store.write(claim, batch);
    if (entries.length > 0) await from.store.settleChanges(claim, entries);
    return { applied: entries.length, anew, more };
  }

  /** Whether so few changes are left that the source may be closed. */
  isNearlyDone({ applied, more }: { readonly applied: number; readonly more: boolean }): boolean {
    return !more && applied <= FEW_CHANGES;
  }

  /**
   * Closes the source, applies the rest, and switches. If anything fails before the switch, the source
   * opens again.
   *
   * @returns `anew`: the copy has to begin anew.
   */
  async switchOver(basis: CopyBasis): Promise<'switched' | 'anew' | 'deleted'> {
    const { claim, from, to, requireProcesses } = this.#deps;
    await requireProcesses();
    const whereabouts = await this.takeOver();
    if (whereabouts !== 'moving') return whereabouts;
    try {
      const closed = await from.store.close(claim);
      if (closed === undefined)
        throw unavailable('retry', 'a transaction that writes to the partition does not end');
      if (!(await this.#applyRest(basis)) || !(await this.#isUnchanged(basis))) {
        await from.store.reopen(claim);
        return 'anew';
      }
      await to.store.write(claim, { items: [], gone: [], keys: [], above: closed.lastNumber });
    } catch (error) {
      await this.#reopen();
      throw error;
    }
    return this.#switch();
  }

  /** The partition is on the target. Opens it, and leaves the source. */
  async finish(): Promise<void> {
    const { claim, from, to } = this.#deps;
    const target = await to.store.resume(claim);
    if (target === 'filling') await this.#open();
    const source = await from.store.resume(claim);
    // After a failover the closing may be lost.
    if (source === 'copying') await from.store.close(claim);
    if (source === 'copying' || source === 'closed') await from.store.leave(claim);
    if (source !== undefined) await from.store.end(claim);
    if (target !== undefined) await to.store.end(claim);
  }

  /** Goes back. @returns `switched` if it is too late for that: then the move is finished. */
  async undo(): Promise<Whereabouts> {
    const { claim, to, place } = this.#deps;
    const whereabouts = await this.takeOver();
    if (whereabouts === 'switched') {
      await this.finish();
      return whereabouts;
    }
    await this.#withdraw();
    if (whereabouts === 'deleted') return whereabouts;
    await place((placement) => {
      const { moving, ...rest } = placement;
      return moving?.task === claim.task && moving.to === to.storageName ? rest : placement;
    });
    return whereabouts;
  }

  /** The source is a plain partition again, and the copy is gone. */
  async #withdraw(): Promise<void> {
    const { claim, from, to } = this.#deps;
    this.#ends = undefined;
    const source: GateState | undefined = await from.store.resume(claim);
    if (source === 'closed') await from.store.reopen(claim);
    if (source !== undefined) await from.store.end(claim);
    if ((await to.store.resume(claim)) !== undefined) await to.store.end(claim);
  }

  async #begin() {
    const { claim, from, to } = this.#deps;
    this.#ends ??= {
      source: await from.store.begin(claim, 'source'),
      target: await to.store.begin(claim, 'target'),
    };
    return this.#ends;
  }

  /** How much later the target's clock is than the source's. Errs towards later deadlines. */
  async #clockShift(): Promise<bigint> {
    const { claim, from, to } = this.#deps;
    const before = await from.store.begin(claim, 'source');
    const target = await to.store.begin(claim, 'target');
    const after = await from.store.begin(claim, 'source');
    if (millisecondsBetween(before.now, after.now) > CLOCK_MS) {
      throw unavailable('retry', 'the clocks of the storages could not be compared in time');
    }
    return target.now - before.now;
  }

  /** Opens the target. The fence of the source comes along. */
  async #open(): Promise<void> {
    const { claim, to } = this.#deps;
    if (this.#keySpread > 0) await to.store.fenceKeys?.(this.#keySpread);
    await to.store.open(claim);
  }

  /** @returns false if the copy has to begin anew. */
  async #applyRest(basis: CopyBasis): Promise<boolean> {
    const { clock } = this.#deps;
    const start = clock.now();
    for (;;) {
      const { anew, more } = await this.applyChanges(basis);
      if (anew) return false;
      if (!more) return true;
      if (millisecondsBetween(start, clock.now()) > CLOSED_MS) {
        throw unavailable('retry', 'the last changes could not be applied in time');
      }
    }
  }

  /** Whether neither end has lost anything since the copy began. */
  async #isUnchanged({ source, target }: CopyBasis): Promise<boolean> {
    this.#ends = undefined;
    const ends = await this.#begin();
    return ends.source.state === 'closed' && ends.source.history === source && ends.target.history === target;
  }

  /** Only before the switch. If it fails, the next step finds the source closed. */
  async #reopen(): Promise<void> {
    this.#ends = undefined;
    await this.#deps.from.store.reopen(this.#deps.claim).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
    });
  }

  async #switch(): Promise<'switched' | 'deleted'> {
    const { claim, from, place, switched, to } = this.#deps;
    const attempt = this.#attempt;
    try {
      const queue = await place(({ moving, ...placement }) => {
        const isOurs = moving?.task === claim.task && moving.generation === claim.generation;
        if (!isOurs || moving.attempt !== attempt) throw takenOver(claim);
        return { ...placement, storageName: to.storageName };
      });
      this.#keySpread = queue === undefined ? 0 : keySpreadOf(queue);
      this.#whereabouts = queue === undefined ? 'deleted' : 'switched';
    } catch (error) {
      // It may have taken effect. If the record cannot be read, the source stays closed.
      if ((await this.takeOver()) === 'moving') {
        await from.store.reopen(claim);
        throw error;
      }
    }
    if (this.#whereabouts !== 'switched') return 'deleted';
    try {
      await this.#open();
    } finally {
      await switched();
    }
    return 'switched';
  }
}

function takenOver({ task }: MoveClaim): StorageError {
  const message = `another process works on task '${task}'`;
  return new StorageError(message, { outcome: 'not-applied', stale: true });
}
