import { STORAGE_LIMIT_MS } from '../system/storage-faults.ts';
import { awakeMs, type Check, nameOf } from './run-record.ts';

/** In milliseconds. A timer may fire late, and its callback takes a turn of the event loop. */
const LATE_MS = 1;
/** Calls without a time limit wait for at most this many storage calls, one after the other. */
const STORAGE_CALLS = 20;

/** Every request is answered when its time is up at the latest, or when the engine wakes. */
export const answersInTime: Check = function* (run) {
  for (const call of run.calls) {
    const { request, atMs, engine } = call.asked;
    if (call.answer === undefined) {
      yield `${nameOf(call)} was never answered`;
      continue;
    }
    const tookMs = awakeMs(run, engine, atMs, call.answer.atMs);
    const limitMs = 'timeoutMs' in request ? request.timeoutMs + LATE_MS : STORAGE_CALLS * STORAGE_LIMIT_MS;
    if (tookMs > limitMs) yield `${nameOf(call)} was answered after ${Math.round(tookMs)} ms`;
  }
};
