import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  atExit,
  BackgroundProgram,
  childrenOf,
  isAlive,
  type RunAs,
  worksIn,
} from '@querator/tooling-processes';
import { allGone, continueAll, killAll, stopAll } from '../postmaster.ts';
import { readPostmasterFile } from '../postmaster-file.ts';
import { type ClusterSettings, type NodePlace, patroniSettings } from './patroni-settings.ts';

/** At its own end Patroni stops PostgreSQL. */
const STOP_LIMIT_MS = 20_000;

/** One node: PostgreSQL and its Patroni. */
export class PatroniNode {
  readonly place: NodePlace;
  readonly configFile: string;
  readonly #patroni: BackgroundProgram;
  readonly #forgetExit: () => void;
  #frozen: readonly number[] = [];

  constructor(patroni: string, runAs: RunAs, place: NodePlace, settings: ClusterSettings) {
    this.place = place;
    this.configFile = join(place.folder, 'patroni.yaml');
    mkdirSync(place.folder, { mode: 0o700 });
    const text = JSON.stringify(patroniSettings(place, settings));
    writeFileSync(this.configFile, text, { mode: 0o600 });
    for (const path of [place.folder, this.configFile]) {
      if (runAs.owner !== undefined) chownSync(path, runAs.owner.uid, runAs.owner.gid);
    }
    this.#patroni = BackgroundProgram.start({
      ...{ runAs, program: patroni, args: [this.configFile] },
      env: { HOME: place.folder, PYTHONDONTWRITEBYTECODE: '1' },
    });
    // PostgreSQL outlives its Patroni by design.
    this.#forgetExit = atExit(() => this.#killPostgresNow());
  }

  /** The end of the output of Patroni and PostgreSQL. */
  get log(): string {
    return this.#patroni.output;
  }

  /** Sends SIGKILL to all processes of PostgreSQL. */
  async killPostgres(): Promise<void> {
    await allGone(this.#killPostgresNow());
  }

  /** Sends SIGKILL to Patroni. PostgreSQL keeps running in its role. */
  async killPatroni(): Promise<void> {
    await this.#patroni.kill();
  }

  /** Starts Patroni again, which starts PostgreSQL if it is down. */
  startPatroni(): void {
    if (!this.#patroni.isRunning) this.#patroni.restart();
  }

  /** Sends SIGSTOP to all processes of the node, like a paused virtual machine. */
  freeze(): void {
    const postmaster = this.#postmaster();
    const { pid } = this.#patroni;
    this.#frozen = [
      ...(pid === undefined ? [] : stopAll(pid)),
      ...(postmaster === undefined ? [] : stopAll(postmaster)),
    ];
  }

  /** Ends a freeze. */
  thaw(): void {
    continueAll(this.#frozen);
    this.#frozen = [];
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.#patroni.stop(STOP_LIMIT_MS);
    await this.killPostgres();
    this.#forgetExit();
  }

  #postmaster(): number | undefined {
    const data = join(this.place.folder, 'data');
    const pid = readPostmasterFile(data)?.pid;
    return pid !== undefined && isAlive(pid) && worksIn(pid, data) ? pid : undefined;
  }

  /** @returns the killed processes. */
  #killPostgresNow(): readonly number[] {
    const postmaster = this.#postmaster();
    if (postmaster === undefined) return [];
    const family = [postmaster, ...childrenOf(postmaster)];
    killAll(postmaster);
    return family;
  }
}
