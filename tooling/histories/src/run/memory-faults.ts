import type { Fault, FaultyStorage } from '@querator/core/testing';

/** A call of a storage that can be made to fail. */
export type FaultyOperation = Parameters<FaultyStorage['fail']>[0];

/** What strikes a run on memory: calls of one operation fail in one way. */
export interface MemoryFault {
  readonly operation: FaultyOperation;
  readonly kind: Fault;
}

export const FAULT_KINDS: readonly Fault[] = ['not-applied', 'unknown-applied', 'unknown-lost'];

/** The operations of producers and consumers. */
export const OPERATIONS = ['produce', 'produceKeyed', 'complete', 'extend', 'retry', 'lease'] as const;

/**
 * Reads a fault such as `produce unknown-applied`.
 *
 * @throws Error when the text names no operation of producers and consumers, or no kind of fault.
 */
export function memoryFault(text: string): MemoryFault {
  const [first, second, ...more] = text.split(' ');
  const operation = OPERATIONS.find((each) => each === first);
  const kind = FAULT_KINDS.find((each) => each === second);
  if (operation === undefined || kind === undefined || more.length > 0) {
    throw new Error(`invalid fault '${text}'; expected one of ${OPERATIONS} and one of ${FAULT_KINDS}`);
  }
  return { operation, kind };
}
