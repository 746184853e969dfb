import type {
  CarriedBatch,
  CarriedChanges,
  CarriedItems,
  CarriedKeys,
  ClosedPartition,
  FencedKeys,
  GateState,
  ItemId,
  MoveClaim,
  MoveEnd,
  MoveStore,
} from '@querator/core';
import { pack, unpack } from '../messages/packed-payloads.ts';
import type { OwnedCalls } from './owned-calls.ts';

/** One partition as the source or the target of a move. Each call goes to the storage's thread. */
export class SqliteMoveStore implements MoveStore {
  readonly #calls: OwnedCalls;

  constructor(calls: OwnedCalls) {
    this.#calls = calls;
  }

  begin(claim: MoveClaim, end: 'source' | 'target'): Promise<MoveEnd> {
    return this.#calls.call('beginMove', { claim, end });
  }

  resume(claim: MoveClaim): Promise<GateState | undefined> {
    return this.#calls.call('resumeMove', { claim });
  }

  async readItems(claim: MoveClaim, before: ItemId | undefined, limit: number): Promise<CarriedItems> {
    const { items, next } = await this.#calls.read('readMovingItems', { claim, before, limit });
    return { items: unpack(items), next };
  }

  readKeys(claim: MoveClaim, after: string | undefined, limit: number): Promise<CarriedKeys> {
    return this.#calls.read('readMovingKeys', { claim, after, limit });
  }

  async readChanges(claim: MoveClaim, limit: number): Promise<CarriedChanges> {
    const changes = await this.#calls.read('readChanges', { claim, limit });
    return { ...changes, items: unpack(changes.items) };
  }

  settleChanges(claim: MoveClaim, entries: readonly string[]): Promise<void> {
    return this.#calls.call('settleChanges', { claim, entries });
  }

  close(claim: MoveClaim): Promise<ClosedPartition> {
    return this.#calls.call('closeSource', { claim });
  }

  reopen(claim: MoveClaim): Promise<void> {
    return this.#calls.call('reopenSource', { claim });
  }

  leave(claim: MoveClaim): Promise<void> {
    return this.#calls.call('leaveSource', { claim });
  }

  write(claim: MoveClaim, { items, gone, keys, above }: CarriedBatch): Promise<void> {
    return this.#calls.call('writeCopy', { claim, batch: { items: pack(items), gone, keys, above } });
  }

  empty(claim: MoveClaim): Promise<void> {
    return this.#calls.call('emptyCopy', { claim });
  }

  async open(claim: MoveClaim): Promise<void> {
    await this.#calls.call('openTarget', { claim });
    // From now on the source may be emptied. So the copy has to be on the disk, even if commits do not wait for that.
    await this.#calls.database.sync();
  }

  beginLeaving(claim: MoveClaim): Promise<boolean> {
    return this.#calls.call('beginLeaving', { claim });
  }

  readmit(): Promise<void> {
    return this.#calls.call('readmit', {});
  }

  fenceKeys(keySpread: number): Promise<FencedKeys> {
    return this.#calls.call('fenceKeys', { keySpread });
  }

  end(claim: MoveClaim): Promise<void> {
    return this.#calls.call('endMove', { claim });
  }
}
