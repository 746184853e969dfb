import { type GateState, type MoveClaim, StorageError } from '@querator/core';
import type { Gate, GatedPartition } from '../file/partitions.ts';
import type { Transaction } from '../file/transaction.ts';
import type { InPartition } from '../items/in-partition.ts';

/** The arguments of a call on one end of a move. */
export interface Claimed extends InPartition {
  readonly claim: MoveClaim;
}

/** Whether a partition moves by the task of a claim. */
export function isOf(claim: MoveClaim, gate: Gate | undefined): gate is Gate {
  return gate?.task === claim.task;
}

/** @throws StorageError `stale` unless the claim is the last one, and the gate in one of the states, if any are given. */
export function gatedBy(
  { partitions }: Transaction,
  { key, claim }: Claimed,
  ...states: readonly GateState[]
): GatedPartition & { readonly gate: Gate } {
  const found = partitions.gated(key);
  const gate = found?.gate;
  if (found === undefined || !isOf(claim, gate)) throw staleClaim(claim);
  if (gate.generation !== claim.generation) throw staleClaim(claim);
  if (states.length > 0 && !states.includes(gate.state)) throw staleClaim(claim);
  return { ...found, gate };
}

export function staleClaim({ task }: MoveClaim): StorageError {
  const message = `the partition is not in the state that task '${task}' expects, or another process works on it`;
  return new StorageError(message, { outcome: 'not-applied', stale: true });
}
