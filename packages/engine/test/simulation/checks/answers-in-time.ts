import { STORAGE_LIMIT_MS } from '../world/weather.ts';
import { awakeMs, type Check, nameOf } from './story.ts';

/** A timer may fire late, and what it does takes a turn of the event loop. */
const LATE_MS = 1;
/** What has no time limit of its own waits for a few storage calls, one after the other. */
const STORAGE_CALLS = 20;

/** Every request is answered, when its time is up at the latest, or the engine wakes. */
export const answersInTime: Check = function* (story) {
  for (const call of story.calls) {
    const { request, atMs, engine } = call.asked;
    if (call.answer === undefined) {
      yield `${nameOf(call)} was never answered`;
      continue;
    }
    const tookMs = awakeMs(story, engine, atMs, call.answer.atMs);
    const limitMs = 'timeoutMs' in request ? request.timeoutMs + LATE_MS : STORAGE_CALLS * STORAGE_LIMIT_MS;
    if (tookMs > limitMs) yield `${nameOf(call)} was answered after ${Math.round(tookMs)} ms`;
  }
};
