import { SeededRandom } from '@querator/core/testing';

/** Random choices that follow from a seed. */
export class Dice {
  readonly random: SeededRandom;

  constructor(seed: number) {
    // Neighbouring seeds must begin differently.
    this.random = new SeededRandom(Math.imul(seed + 1, 0x9e3779b1));
    for (let turn = 0; turn < 8; turn++) this.random.fraction();
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.random.fraction() < probability;
  }

  /** A number in [from, to). */
  between(from: number, to: number): number {
    return from + this.random.fraction() * (to - from);
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.random.fraction() * (to - from + 1));
  }

  pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.random.fraction() * of.length)] as T;
  }

  /** One of the keys, in proportion to their weights. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.random.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return (entries.at(-1) as [K, number])[0];
  }
}
