import type { Instant } from '@querator/core';

/** Items on their way: they may be at the source, at the target, or at both. */
export interface InFlight {
  readonly queue: string;
  readonly partition: number;
  /** Their ids at the source. */
  readonly ids: readonly string[];
  /** Their dedup keys at the target. */
  readonly keys: readonly string[];
  /** When the first of them may get another id: at the end of its lease, or when it is due or expires. */
  readonly safeUntil: Instant;
}

/** What a move remembers beyond its process. */
export interface MoveMemory {
  /** Names the move, and is part of its dedup keys. */
  readonly id: string;
  /** Keys of items that the target may have, and the source may still have too. */
  readonly doubtful: readonly string[];
  /** Undefined: nothing is in flight. */
  readonly inFlight?: InFlight | undefined;
  /** The ids of schedules of the source that were active and are being moved. Undefined: there are none. */
  readonly schedules?: readonly string[] | undefined;
}

/** Keeps the memory of a move, so that one that was killed goes on with it. */
export interface Journal {
  /** What the move before left. Undefined: it ended, or there was none. */
  read(): Promise<MoveMemory | undefined>;
  /** When it resolves, a later move will read it. */
  write(memory: MoveMemory): Promise<void>;
  /** The move has ended: forgets it. */
  end(): Promise<void>;
}

/** Items of which a restart cannot know whether they are at one server or at both. */
export interface InDoubt {
  readonly queue: string;
  readonly partition: number;
  /** The ids that they had at the source. An item there may have another one by now. */
  readonly ids: readonly string[];
}
