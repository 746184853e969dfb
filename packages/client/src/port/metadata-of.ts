import { byteLength, LIMITS, type Metadata } from '@querator/core';
import type { PortNewItem } from './produce-port.ts';

/** The pairs that go with an item: those of the producer, and those for tracing if there is room for them. */
export function metadataOf({ metadata, tracePairs = {} }: PortNewItem): Metadata | undefined {
  const all = new Map([...Object.entries(tracePairs), ...(metadata ?? [])]);
  if (all.size === 0) return undefined;
  let bytes = 0;
  for (const [key, value] of all) bytes += byteLength(key) + byteLength(value);
  return bytes <= LIMITS.metadata ? all : metadata;
}
