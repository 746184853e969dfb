export { distribute, hasTie, type WeightedStorage } from './affinity.ts';
export { DEDUP_SLOTS, dedupSlot, partitionInSpread } from './dedup-slots.ts';
export { type PartitionLoad, PartitionOrder } from './partition-order.ts';
export { placePartitions } from './placement.ts';
export { type PlacedPartition, planRebalance, type RebalanceMove } from './rebalance.ts';
