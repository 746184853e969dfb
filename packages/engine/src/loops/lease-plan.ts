import type { Duration } from '@querator/core';
import type { PartitionState } from '../partition/partition-state.ts';
import type { PendingLease } from './lease-requests.ts';

/** The plan of one statement that leases items for its requests. */
export interface LeasePlan {
  /** Counts plans in the order in which they are sent. */
  readonly number: number;
  readonly requests: PendingLease[];
  limit: number;
  /** Whether any of the requests asks for the details of the items. */
  details: boolean;
  /** What all of the requests ask for. Undefined: the queue's. */
  readonly leaseTimeout: Duration | undefined;
  /** Whether the statement is for a request that waits for many items, and for no other. */
  readonly isForOne: boolean;
  /** How many of the partition's known items the statement is expected to take. */
  expected: number;
  readonly arrivalsBefore: number;
  /** Items are distributed one at a time, so this many requests are sure to receive one. */
  readonly surelyServed: number;
}

/** A plan without requests. @param first the request that it is made for. */
export function newPlan(
  number: number,
  partition: PartitionState,
  { leaseTimeout, gathering }: PendingLease,
): LeasePlan {
  return {
    number,
    requests: [],
    limit: 0,
    details: false,
    leaseTimeout,
    isForOne: gathering?.holdsOut === true,
    expected: 0,
    arrivalsBefore: partition.arrivalsBefore(),
    surelyServed: partition.mayHoldItems ? Number.POSITIVE_INFINITY : partition.waiting,
  };
}

/** Whether a request may share a statement with those of a plan. Undefined: there is no plan yet. */
export function mayJoin(plan: LeasePlan | undefined, { gathering, leaseTimeout }: PendingLease): boolean {
  if (plan === undefined) return true;
  return !plan.isForOne && gathering?.holdsOut !== true && plan.leaseTimeout === leaseTimeout;
}

/** Adds a request that may join. */
export function addTo(plan: LeasePlan, request: PendingLease): void {
  plan.requests.push(request);
  plan.limit += request.limit;
  plan.details ||= request.details;
}
