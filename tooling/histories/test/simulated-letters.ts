import type { Letter, Source } from '../src/history/history.ts';

/** A dead letter in the simulated dead-letter queue. */
export interface StoredLetter {
  readonly item: string;
  readonly firstId: string;
  readonly source: Source;
  id: string;
  attempts: number;
  /** Undefined: it waits. */
  deadline: number | undefined;
}

/** A correct dead-letter queue of one partition. */
export class SimulatedLetters {
  #letters: StoredLetter[] = [];
  #numbers = 0;

  get size(): number {
    return this.#letters.length;
  }

  add(item: string, firstId: string, source: Source): void {
    this.#letters.push({ item, firstId, source, id: this.#id(), attempts: 0, deadline: undefined });
  }

  /** What waits, in order. */
  list(): readonly Letter[] {
    return this.#waiting().map(({ item, id, source }) => ({ item, id, source }));
  }

  lease(limit: number, deadline: number): readonly StoredLetter[] {
    const taken = this.#waiting().slice(0, limit);
    for (const letter of taken) Object.assign(letter, { deadline, attempts: letter.attempts + 1 });
    return taken;
  }

  /** @returns whether all were leased. */
  complete(ids: readonly string[]): boolean {
    const held = this.#held(ids);
    if (held.length < ids.length) return false;
    this.#letters = this.#letters.filter((letter) => !held.includes(letter));
    return true;
  }

  /** @returns whether all were leased. */
  retry(ids: readonly string[]): boolean {
    const held = this.#held(ids);
    if (held.length < ids.length) return false;
    for (const letter of held) this.#requeue(letter);
    return true;
  }

  /** Ends all leases past their deadline. */
  sweep(now: number): void {
    for (const letter of [...this.#letters]) {
      if (letter.deadline !== undefined && now > letter.deadline) this.#requeue(letter);
    }
  }

  /** Takes the first of these letters that waits, by the lives they end. */
  take(lives: ReadonlySet<string>): StoredLetter | undefined {
    const first = this.#waiting().find((letter) => lives.has(lifeOf(letter)));
    this.#letters = this.#letters.filter((letter) => letter !== first);
    return first;
  }

  #waiting(): readonly StoredLetter[] {
    return this.#letters.filter(({ deadline }) => deadline === undefined);
  }

  #held(ids: readonly string[]): readonly StoredLetter[] {
    return this.#letters.filter(({ id, deadline }) => deadline !== undefined && ids.includes(id));
  }

  /** Puts it at the tail, under another id. */
  #requeue(letter: StoredLetter): void {
    this.#letters = this.#letters.filter((each) => each !== letter);
    this.#letters.push(Object.assign(letter, { id: this.#id(), deadline: undefined }));
  }

  #id(): string {
    return `letter-${this.#numbers++}`;
  }
}

/** Names a life of an item. */
export function lifeOf({ item, source }: Pick<Letter, 'item' | 'source'>): string {
  return `${item} ${source?.attempts}`;
}
