import { open, readFile, rename, rm } from 'node:fs/promises';
import { instantFromMicroseconds } from '@querator/core';
import type { InFlight, Journal, MoveMemory } from './in-flight.ts';

/** A journal is not the one of this move. */
export class JournalFault extends Error {
  override readonly name = 'JournalFault';
}

interface Contents extends Omit<MoveMemory, 'inFlight'> {
  /** What the move is from and to, to tell it from others. */
  readonly move: string;
  readonly inFlight?: Omit<InFlight, 'safeUntil'> & { readonly safeUntil: string };
}

/** A journal as a file of JSON. It is replaced as a whole: after a crash it has the old or the new contents. */
export class JournalFile implements Journal {
  readonly #file: string;
  readonly #move: string;

  /** @param move names the source and the target. */
  constructor(file: string, move: string) {
    this.#file = file;
    this.#move = move;
  }

  /** @throws JournalFault if the file is that of another move. */
  async read(): Promise<MoveMemory | undefined> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const { move, inFlight, ...memory } = JSON.parse(text) as Contents;
    if (move !== this.#move) {
      throw new JournalFault(`${this.#file} belongs to the move ${move}; name another journal for this one`);
    }
    if (inFlight === undefined) return memory;
    const safeUntil = instantFromMicroseconds(BigInt(inFlight.safeUntil));
    return { ...memory, inFlight: { ...inFlight, safeUntil } };
  }

  async write({ inFlight, ...memory }: MoveMemory): Promise<void> {
    const batch = inFlight && { ...inFlight, safeUntil: String(inFlight.safeUntil) };
    const contents: Contents = { move: this.#move, ...memory, ...(batch && { inFlight: batch }) };
    const draft = `${this.#file}.new`;
    const handle = await open(draft, 'w');
    try {
      await handle.writeFile(JSON.stringify(contents));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(draft, this.#file);
  }

  async end(): Promise<void> {
    await rm(this.#file, { force: true });
  }
}
