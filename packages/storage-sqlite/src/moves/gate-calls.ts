import {
  type ClosedPartition,
  type FencedKeys,
  type GateState,
  invalid,
  type MoveClaim,
  type MoveEnd,
  StorageError,
} from '@querator/core';
import { unwatchChanges, watchChanges } from '../file/changes.ts';
import type { Gate, OwnedKey } from '../file/partitions.ts';
import type { Transaction } from '../file/transaction.ts';
import type { InPartition } from '../items/in-partition.ts';
import { ItemTable } from '../items/item-table.ts';
import { lastEndOfKeys } from '../items/keys.ts';
import { type Claimed, gatedBy, isOf, staleClaim } from './claimed.ts';

export function beginMove(
  transaction: Transaction,
  { key, claim, end }: Claimed & { readonly end: 'source' | 'target' },
): MoveEnd {
  const { partitions, lineage, now } = transaction;
  const found = partitions.gated(key)?.gate;
  if (isOf(claim, found)) {
    if (end === 'target' && (found.state === 'copying' || found.state === 'closed')) throw sameStorage();
    takeOver(transaction, key, { claim, gate: found });
  } else if (end === 'source') {
    beginSource(transaction, key, claim);
  } else {
    beginTarget(transaction, key, claim);
  }
  const { state, begun } = gatedBy(transaction, { key, claim }).gate;
  return { state, history: `${lineage}/${begun}`, now };
}

/** Raises the generation. @throws StorageError `stale` if it is a later one. */
function takeOver(
  { partitions }: Transaction,
  key: OwnedKey,
  { claim, gate }: { readonly claim: MoveClaim; readonly gate: Gate },
): void {
  if (gate.generation > claim.generation) throw staleClaim(claim);
  if (gate.generation < claim.generation) partitions.setGate(key, { ...gate, generation: claim.generation });
}

function beginSource({ connection, partitions, sequence }: Transaction, key: OwnedKey, claim: MoveClaim) {
  if (partitions.gated(key)?.gate?.state === 'left') {
    throw hasLeft();
  }
  const { id } = partitions.make(key);
  watchChanges(connection, id);
  partitions.setGate(key, { ...claim, state: 'copying', begun: sequence.next().number });
}

function beginTarget({ partitions, sequence }: Transaction, key: OwnedKey, claim: MoveClaim) {
  const found = partitions.find(key);
  const gate = partitions.gated(key)?.gate;
  const isFree = gate?.state === 'left' || gate?.state === 'filling';
  if (!isFree && found !== undefined && !partitions.isEmpty(found)) {
    throw invalid('storage_name is invalid; that storage holds items of this partition already');
  }
  partitions.replace(key, { ...claim, state: 'filling', begun: sequence.next().number });
}

function hasLeftBy(gate: Gate | undefined): boolean {
  return gate?.state === 'left';
}

function hasLeft(): Error {
  return invalid('the partition is not there; it has moved to another storage');
}

function sameStorage(): Error {
  return invalid('storage_name is invalid; it is the storage on which the partition is');
}

export function resumeMove(transaction: Transaction, { key, claim }: Claimed): GateState | undefined {
  const gate = transaction.partitions.gated(key)?.gate;
  if (!isOf(claim, gate)) return undefined;
  takeOver(transaction, key, { claim, gate });
  return gate.state;
}

/** No earlier call can write any more: calls come one after the other. */
export function closeSource(transaction: Transaction, args: Claimed): ClosedPartition {
  setState(transaction, args, { from: ['copying', 'closed'], to: 'closed' });
  return { lastNumber: transaction.sequence.last };
}

export function reopenSource(transaction: Transaction, args: Claimed): void {
  setState(transaction, args, { from: ['copying', 'closed'], to: 'copying' });
}

export function leaveSource(transaction: Transaction, args: Claimed): void {
  setState(transaction, args, { from: ['closed', 'leaving', 'left'], to: 'left' });
}

/** No earlier call can add items any more: calls come one after the other. */
export function beginLeaving(transaction: Transaction, { key, claim }: Claimed): boolean {
  const { partitions, sequence } = transaction;
  const found = partitions.gated(key)?.gate;
  if (isOf(claim, found)) takeOver(transaction, key, { claim, gate: found });
  else {
    if (hasLeftBy(found)) throw hasLeft();
    partitions.make(key);
    partitions.setGate(key, { ...claim, state: 'leaving', begun: sequence.next().number });
  }
  gatedBy(transaction, { key, claim }, 'leaving');
  return true;
}

/** A partition that has left is a plain, empty one again. */
export function readmit({ partitions }: Transaction, { key }: InPartition): void {
  const gate = partitions.gated(key)?.gate;
  if (gate?.state !== 'left') return;
  partitions.putEmpty(key, gate);
  partitions.setGate(key, undefined);
}

/** No earlier call can store a key any more: calls come one after the other. */
export function fenceKeys(
  transaction: Transaction,
  { key, keySpread }: InPartition & { readonly keySpread: number },
): FencedKeys {
  const { partitions } = transaction;
  const place = partitions.make(key);
  if (partitions.keySpread(key) > keySpread) {
    const message = `the dedup keys of the partition have a later fence than ${keySpread}`;
    throw new StorageError(message, { outcome: 'not-applied', stale: true });
  }
  partitions.setKeySpread(key, keySpread);
  return { lastEndsAt: lastEndOfKeys(new ItemTable(transaction, place)) };
}

export function openTarget(transaction: Transaction, args: Claimed): void {
  setState(transaction, args, { from: ['filling', 'open'], to: 'open' });
}

function setState(
  transaction: Transaction,
  args: Claimed,
  { from, to }: { readonly from: readonly GateState[]; readonly to: GateState },
): void {
  const { gate } = gatedBy(transaction, args, ...from);
  transaction.partitions.setGate(args.key, { ...gate, state: to });
}

export function endMove(transaction: Transaction, { key, claim }: Claimed): void {
  const { partitions, connection } = transaction;
  if (partitions.gated(key)?.gate?.task !== claim.task) return;
  const found = gatedBy(transaction, { key, claim }, 'copying', 'leaving', 'open', 'left', 'filling');
  switch (found.gate.state) {
    case 'left':
      // The partition stays closed. Its items are removed by and by.
      if (!partitions.isEmpty(found)) partitions.putEmpty(key, found.gate);
      return;
    case 'filling':
      partitions.drop(key.queue, key.partition);
      return;
    default:
      unwatchChanges(connection, found.id);
      partitions.setGate(key, undefined);
  }
}
