import {
  beginLeaving,
  beginMove,
  closeSource,
  endMove,
  fenceKeys,
  leaveSource,
  openTarget,
  readmit,
  reopenSource,
  resumeMove,
} from './gate-calls.ts';
import { readChanges, readMovingItems, readMovingKeys, settleChanges } from './read-copy.ts';
import { emptyCopy, writeCopy } from './write-copy.ts';

/** The calls on the ends of moves. */
export const MOVE_CALLS = {
  beginMove,
  resumeMove,
  readMovingItems,
  readMovingKeys,
  readChanges,
  settleChanges,
  closeSource,
  reopenSource,
  leaveSource,
  writeCopy,
  emptyCopy,
  openTarget,
  beginLeaving,
  readmit,
  fenceKeys,
  endMove,
};
