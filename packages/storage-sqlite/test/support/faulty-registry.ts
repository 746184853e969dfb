import type { Random } from '@querator/core';
import { FileRegistry, type FileSettings, type FileShare } from '../../src/database/file-registry.ts';
import { StorageThread, ThreadEndedError } from '../../src/database/storage-thread.ts';
import { type CalledThread, ThreadCalls } from '../../src/database/thread-calls.ts';
import type { Reply, Request, ThreadStart } from '../../src/messages/requests.ts';

/**
 * Files whose threads count what they are asked, and may die before they answer. Each
 * storage has its own threads.
 */
export class FaultyRegistry extends FileRegistry {
  /** Requests to all threads so far. */
  asked = 0;
  /** A thread that has done what it was asked dies before its answer. */
  losesAnswers = false;

  readonly #kept: Map<string, FileShare> | undefined;

  /** @param keepsThreads the storages of a file share its threads, which go on until `end`. */
  constructor({ keepsThreads = false } = {}) {
    super();
    this.#kept = keepsThreads ? new Map() : undefined;
  }

  override share(settings: FileSettings, random: Random): FileShare {
    const key = `${settings.durability}:${settings.path}`;
    const share = this.#kept?.get(key) ?? this.#open(settings, random);
    this.#kept?.set(key, share);
    return this.#kept === undefined ? share : { ...share, release: async () => {} };
  }

  /** Ends the threads that it keeps. */
  async end(): Promise<void> {
    for (const { release } of this.#kept?.values() ?? []) await release();
  }

  #open(settings: FileSettings, random: Random): FileShare {
    const callsOf = (role: ThreadStart['role']) =>
      new ThreadCalls(() => this.#watched(new StorageThread({ ...settings, role, seed: random.base62(64) })));
    const [writes, reads] = [callsOf('write'), callsOf('read')];
    const release = async () => {
      await reads.close();
      await writes.close();
    };
    return { writes, reads, release };
  }

  #watched(thread: StorageThread): CalledThread {
    return {
      get hasEnded() {
        return thread.hasEnded;
      },
      end: () => thread.end(),
      ask: async (request: Request): Promise<Reply> => {
        this.asked++;
        const reply = await thread.ask(request);
        if (!this.losesAnswers) return reply;
        await thread.end();
        throw new ThreadEndedError('its thread ended: as the test wants it');
      },
    };
  }
}
