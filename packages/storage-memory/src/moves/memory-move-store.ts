import {
  type CarriedBatch,
  type CarriedChanges,
  type CarriedItem,
  type CarriedItems,
  type CarriedKey,
  type CarriedKeys,
  type Clock,
  type ClosedPartition,
  type FencedKeys,
  type GateState,
  type Instant,
  type ItemId,
  invalid,
  isBudgetSpent,
  type MoveClaim,
  type MoveEnd,
  type MoveStore,
  StorageError,
} from '@querator/core';
import type { ItemIds } from '../item-ids.ts';
import { ItemTable } from '../item-table.ts';
import { fromCarried, toCarried } from './carried-entry.ts';
import type { Gate, Gates } from './gate.ts';

/** Dependencies of one end of a move. */
export interface MemoryMoveParts {
  readonly key: string;
  /** When the queue was created. Undefined: not known. */
  readonly createdAt: Instant | undefined;
  readonly clock: Clock;
  readonly ids: ItemIds;
  readonly gates: Gates;
  /** The table of the partition as it is. Undefined: it was never used. Throws if the backend is closed. */
  readonly existing: () => ItemTable | undefined;
  /** The table of the partition, created at its first use. */
  readonly table: () => ItemTable;
  readonly replace: (table: ItemTable | undefined) => void;
}

/** The source or the target of a move in memory. What was written to the target becomes its table when it opens. */
export class MemoryMoveStore implements MoveStore {
  readonly #parts: MemoryMoveParts;

  constructor(parts: MemoryMoveParts) {
    this.#parts = parts;
  }

  async begin(claim: MoveClaim, end: 'source' | 'target'): Promise<MoveEnd> {
    const { key, createdAt, gates, clock, existing, table } = this.#parts;
    const present = existing();
    const found = gates.get(key);
    const isOurs = found?.task === claim.task;
    if (isOurs) {
      if (found.generation > claim.generation) throw stale(claim);
      if (end === 'target' && (found.state === 'copying' || found.state === 'closed')) throw sameStorage();
      found.generation = claim.generation;
    } else if (end === 'source') {
      if (found?.state === 'left' && found.createdAt === createdAt) throw hasLeft();
      gates.begin(key, claim, { state: 'copying', createdAt }).watch(table());
    } else {
      const isFree = found?.state === 'left' || found?.state === 'filling';
      if (!isFree && present !== undefined && present.size().items > 0) throw holdsItems();
      gates.begin(key, claim, { state: 'filling', createdAt });
    }
    const { state, begun } = this.#gate(claim);
    return { state, history: String(begun), now: clock.now() };
  }

  async resume(claim: MoveClaim): Promise<GateState | undefined> {
    this.#parts.existing();
    const found = this.#parts.gates.get(this.#parts.key);
    if (found?.task !== claim.task) return undefined;
    if (found.generation > claim.generation) throw stale(claim);
    found.generation = claim.generation;
    return found.state;
  }

  async readItems(claim: MoveClaim, before: ItemId | undefined, limit: number): Promise<CarriedItems> {
    this.#gate(claim, 'copying', 'closed', 'leaving');
    const items: CarriedItem[] = [];
    let isCut = false;
    for (const entry of this.#parts.table().backwardsFrom(before)) {
      isCut = items.length === limit || isBudgetSpent(items);
      if (isCut) break;
      items.push(toCarried(entry));
    }
    return { items, next: isCut ? items.at(-1)?.id : undefined };
  }

  async readKeys(claim: MoveClaim, after: string | undefined, limit: number): Promise<CarriedKeys> {
    this.#gate(claim, 'copying', 'closed');
    return this.#parts.table().dedupKeys.page(after, limit);
  }

  async readChanges(claim: MoveClaim, limit: number): Promise<CarriedChanges> {
    const found = this.#gate(claim, 'copying', 'closed').changes(limit + 1);
    const table = this.#parts.table();
    const entries: string[] = [];
    const items: CarriedItem[] = [];
    const gone: ItemId[] = [];
    const keys: CarriedKey[] = [];
    let anew = false;
    for (const [entry, { kind, id }] of found) {
      if (entries.length === limit || isBudgetSpent(items)) break;
      entries.push(entry);
      if (kind === 'anew') anew = true;
      else if (kind === 'key') keys.push(...table.dedupKeys.held(id));
      else {
        const present = table.get(id);
        if (present === undefined) gone.push(id);
        else items.push(toCarried(present));
      }
    }
    return { entries, items, gone, keys, anew, more: entries.length < found.size };
  }

  async settleChanges(claim: MoveClaim, entries: readonly string[]): Promise<void> {
    this.#gate(claim, 'copying', 'closed').settle(entries);
  }

  async close(claim: MoveClaim): Promise<ClosedPartition | undefined> {
    const { table, ids } = this.#parts;
    // Calls that take several turns may have begun before.
    await table().largeCalls.run(async () => {
      this.#gate(claim, 'copying', 'closed').state = 'closed';
    });
    return { lastNumber: ids.last };
  }

  async reopen(claim: MoveClaim): Promise<void> {
    this.#gate(claim, 'copying', 'closed').state = 'copying';
  }

  async leave(claim: MoveClaim): Promise<void> {
    this.#gate(claim, 'closed', 'leaving', 'left').state = 'left';
  }

  async write(claim: MoveClaim, { items, gone, keys, above }: CarriedBatch): Promise<void> {
    const gate = this.#gate(claim, 'filling');
    for (const id of gone) gate.items.delete(id);
    for (const item of items) gate.items.set(item.id, item);
    for (const key of keys) gate.keys.set(key.key, key);
    if (above !== undefined) this.#parts.ids.raise(above);
  }

  async empty(claim: MoveClaim): Promise<void> {
    const gate = this.#gate(claim, 'filling');
    gate.items.clear();
    gate.keys.clear();
  }

  async open(claim: MoveClaim): Promise<void> {
    const gate = this.#gate(claim, 'filling', 'open');
    if (gate.state === 'open') return;
    const table = new ItemTable();
    for (const item of [...gate.items.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      table.append(fromCarried(item));
    }
    for (const { key, ids, endsAt } of gate.keys.values()) table.dedupKeys.add(key, ids, endsAt);
    this.#parts.replace(table);
    gate.items.clear();
    gate.keys.clear();
    gate.state = 'open';
  }

  async beginLeaving(claim: MoveClaim): Promise<boolean> {
    const { key, createdAt, gates, table } = this.#parts;
    // Calls that take several turns may have begun before.
    return table().largeCalls.run(async () => {
      const found = gates.get(key);
      if (found?.task === claim.task) {
        if (found.generation > claim.generation) throw stale(claim);
        found.generation = claim.generation;
      } else {
        if (found?.state === 'left' && found.createdAt === createdAt) throw hasLeft();
        gates.begin(key, claim, { state: 'leaving', createdAt });
      }
      this.#gate(claim, 'leaving');
      return true;
    });
  }

  async readmit(): Promise<void> {
    const { key, gates, existing, replace } = this.#parts;
    existing();
    if (gates.get(key)?.state !== 'left') return;
    replace(undefined);
    gates.delete(key);
  }

  async fenceKeys(keySpread: number): Promise<FencedKeys> {
    const { key, createdAt, gates, table } = this.#parts;
    if (!gates.fence(key, { keySpread, createdAt })) throw fencedLater(keySpread);
    return { lastEndsAt: table().dedupKeys.lastEndsAt };
  }

  async end(claim: MoveClaim): Promise<void> {
    const { key, gates, existing, replace } = this.#parts;
    const table = existing();
    const found = gates.get(key);
    if (found === undefined || found.task !== claim.task) return;
    const gate = this.#gate(claim, 'copying', 'leaving', 'open', 'left', 'filling');
    if (gate.state === 'left') return replace(undefined);
    if (table !== undefined) {
      table.onChange = undefined;
      table.dedupKeys.onAdd = undefined;
    }
    if (gate.state === 'filling') replace(undefined);
    gates.delete(key);
  }

  /** @throws StorageError `stale` unless the claim is the last one, and the gate in one of the states. */
  #gate(claim: MoveClaim, ...states: readonly GateState[]): Gate {
    this.#parts.existing();
    const gate = this.#parts.gates.get(this.#parts.key);
    const isOurs = gate?.task === claim.task && gate.generation === claim.generation;
    if (gate === undefined || !isOurs) throw stale(claim);
    if (states.length > 0 && !states.includes(gate.state)) throw stale(claim);
    return gate;
  }
}

function stale({ task }: MoveClaim): StorageError {
  const message = `the partition is not in the state that task '${task}' expects, or another process works on it`;
  return new StorageError(message, { outcome: 'not-applied', stale: true });
}

function fencedLater(keySpread: number): StorageError {
  const message = `the dedup keys of the partition have a later fence than ${keySpread}`;
  return new StorageError(message, { outcome: 'not-applied', stale: true });
}

function hasLeft(): Error {
  return invalid('the partition is not there; it has moved to another storage');
}

function sameStorage(): Error {
  return invalid('storage_name is invalid; it is the storage on which the partition is');
}

function holdsItems(): Error {
  return invalid('storage_name is invalid; that storage holds items of this partition already');
}
