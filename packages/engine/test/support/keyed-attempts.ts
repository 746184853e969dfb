import { type Instant, millisecondsBetween, parseDuration, toMilliseconds } from '@querator/core';
import { expect } from 'vitest';
import type { Service } from '../../src/index.ts';
import type { ResizeWorld } from './resize-run.ts';

interface Attempt {
  readonly key: string;
  /** Unlike any other, so that its item is recognised. */
  readonly text: string;
  readonly began: Instant;
  readonly ended: Instant;
  /** `open`: its item may be stored, or not. */
  readonly outcome: 'stored' | 'duplicate' | 'open';
}

/** Produces under dedup keys, and judges them by the items that were found in the end. */
export class KeyedAttempts {
  readonly #world: ResizeWorld;
  readonly #windowMs: number;
  readonly #window: string;
  readonly #attempts: Attempt[] = [];
  #begun = 0;

  constructor(world: ResizeWorld, window: string) {
    this.#world = world;
    this.#window = window;
    this.#windowMs = toMilliseconds(parseDuration(window));
  }

  get keys(): readonly string[] {
    return [...new Set(this.#attempts.map(({ key }) => key))];
  }

  /** Produces one item with each key, all at the same moment. */
  async produce(service: Service, ...keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#produce(service, key)));
  }

  async #produce(service: Service, key: string): Promise<void> {
    const began = this.#world.clock.now();
    const text = `${key}#${this.#begun++}`;
    const answer = await this.#world.produceKeyed(service, key, text, this.#window);
    const [produced] = 'value' in answer ? answer.value : [];
    if ('error' in answer) expect(answer.error).toMatchObject({ code: 'retry' });
    const isTold = produced !== undefined && 'id' in produced;
    const outcome = !isTold ? 'open' : produced.duplicate ? 'duplicate' : 'stored';
    this.#attempts.push({ key, text, began, ended: this.#world.clock.now(), outcome });
  }

  /** @param texts of all items that were found. Those of other produces are ignored. */
  check(texts: readonly string[]): void {
    const found = texts.filter((text) => text.includes('#'));
    expect(new Set(found).size).toBe(found.length);
    const seen = new Set(found);
    for (const { text, outcome } of this.#attempts) {
      if (outcome === 'stored') expect(seen).toContain(text);
      if (outcome === 'duplicate') expect(seen).not.toContain(text);
    }
    for (const attempts of Map.groupBy(this.#attempts, ({ key }) => key).values()) {
      const stored = attempts
        .filter(({ text }) => seen.has(text))
        .toSorted((a, b) => Number(a.began - b.began));
      for (const [n, attempt] of stored.entries()) {
        const before = stored[n - 1];
        if (before === undefined) continue;
        expect(millisecondsBetween(before.began, attempt.ended)).toBeGreaterThanOrEqual(this.#windowMs);
      }
    }
  }
}

/** The texts of items that were produced without keys. */
export function plainTexts(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => !text.includes('#'));
}
