import type {
  CarriedBatch,
  CarriedChanges,
  CarriedItems,
  CarriedKeys,
  Clock,
  ClosedPartition,
  FencedKeys,
  GateState,
  ItemId,
  MoveClaim,
  MoveEnd,
  MoveStore,
  PartitionKey,
} from '@querator/core';
import type { TableCalls } from '../database/table-calls.ts';
import { PostgresError } from '../errors/postgres-error.ts';
import { now } from '../operations/now.ts';
import { checkIds } from '../schema/id-sequence-repair.ts';
import type { OptionalTableProvisioner, PartitionTableProvisioner } from '../schema/schema-manager.ts';
import type { TableOwner } from '../schema/table-owner.ts';
import { sequenceNumberOf } from '../sql/new-item-id.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { textArray } from '../wire/binary-array.ts';
import {
  beginLeaving,
  beginSource,
  beginTarget,
  type MovingTable,
  takeOver,
  withTables,
} from './begin-move.ts';
import { readChanges, readItems, readKeys } from './carried-reads.ts';
import { closeSource, untilNothingIsAdded } from './close-source.ts';
import { endMove, readmit } from './end-move.ts';
import { fenceKeys } from './fence-keys.ts';
import { changesOf, checkClaim, claimed, lockGated, lockMove, setMove } from './move-session.ts';
import { writeCopy } from './write-copy.ts';

/** What one end of a move depends on. */
export interface PostgresMoveDeps {
  readonly key: PartitionKey;
  readonly identity: TableOwner;
  readonly context: PartitionContext;
  readonly calls: TableCalls;
  /** Those of the partition. */
  readonly table: PartitionTableProvisioner;
  /** Those of the moves. */
  readonly moves: OptionalTableProvisioner;
  readonly lockMs: number;
  readonly clock: Clock | undefined;
}

/** One end of the move of a partition; see core's `MoveStore`. */
export class PostgresMoveStore implements MoveStore {
  readonly #deps: PostgresMoveDeps;
  readonly #moving: MovingTable;

  constructor(deps: PostgresMoveDeps) {
    this.#deps = deps;
    const { key, identity, context, lockMs } = deps;
    this.#moving = { key, identity, lockMs, db: context.db, table: context.table };
  }

  begin(claim: MoveClaim, end: 'source' | 'target'): Promise<MoveEnd> {
    return this.#run(async () => {
      const { table, context, clock } = this.#deps;
      if (end === 'source') await table.keys.ensure();
      const begin = end === 'source' ? beginSource : beginTarget;
      const row = await begin(this.#moving, claim);
      if (end === 'target') {
        // Another process may have created it.
        table.forget();
        context.table.metadata.found();
      }
      const history = `${await this.#timeline()}/${row.begun}`;
      return { state: row.state, history, now: await now(context.db, clock) };
    });
  }

  async resume(claim: MoveClaim): Promise<GateState | undefined> {
    const { calls, moves, context } = this.#deps;
    return calls.track(async () => {
      if (!(await moves.exists())) return undefined;
      return context.db.transaction(async (session) => {
        const found = await lockMove(session, this.#moving);
        if (found?.task !== claim.task) return undefined;
        return (await takeOver(session, this.#moving, found, claim)).state;
      });
    });
  }

  readItems(claim: MoveClaim, before: ItemId | undefined, limit: number): Promise<CarriedItems> {
    return this.#reading(claim, () => readItems(this.#moving, before, limit), 'leaving');
  }

  readKeys(claim: MoveClaim, after: string | undefined, limit: number): Promise<CarriedKeys> {
    return this.#reading(claim, () => readKeys(this.#moving, after, limit));
  }

  readChanges(claim: MoveClaim, limit: number): Promise<CarriedChanges> {
    return this.#reading(claim, () => readChanges(this.#moving, limit));
  }

  settleChanges(claim: MoveClaim, entries: readonly string[]): Promise<void> {
    return this.#claimed(claim, ['copying', 'closed'], async (session) => {
      if (entries.length === 0) return;
      const text = `DELETE FROM ${changesOf(this.#moving)} WHERE number = ANY ($1::text[]::bigint[])`;
      await session.query({ text, values: [textArray(entries)] });
    });
  }

  close(claim: MoveClaim): Promise<ClosedPartition | undefined> {
    return this.#run(() => closeSource(this.#moving, claim));
  }

  reopen(claim: MoveClaim): Promise<void> {
    return this.#become(claim, ['copying', 'closed'], 'copying');
  }

  leave(claim: MoveClaim): Promise<void> {
    return this.#become(claim, ['closed', 'leaving', 'left'], 'left');
  }

  write(claim: MoveClaim, batch: CarriedBatch): Promise<void> {
    return this.#run(async () => {
      await writeCopy(this.#moving, claim, batch);
      if (batch.above === undefined) return;
      const { context } = this.#deps;
      context.table.numbers.observe(sequenceNumberOf(`0${batch.above.toString(16).padStart(16, '0')}`));
      await checkIds(context);
    });
  }

  empty(claim: MoveClaim): Promise<void> {
    return this.#run(() =>
      withTables(this.#moving, async (session) => {
        await checkClaim(session, this.#moving, claim, ['filling']);
        await lockGated(session, this.#moving, claim);
        await session.waitBriefly();
        const { name, keysName } = this.#moving.table;
        await session.query({ text: `TRUNCATE ${name}, ${keysName}` });
      }),
    );
  }

  open(claim: MoveClaim): Promise<void> {
    return this.#become(claim, ['filling', 'open'], 'open');
  }

  beginLeaving(claim: MoveClaim): Promise<boolean> {
    return this.#run(async () => {
      await this.#deps.table.ensure();
      return untilNothingIsAdded(this.#moving, () => beginLeaving(this.#moving, claim));
    });
  }

  async readmit(): Promise<void> {
    const { calls, moves, table } = this.#deps;
    await calls.track(async () => {
      if (!(await moves.exists())) return;
      await readmit(this.#moving);
      table.forget();
    });
  }

  fenceKeys(keySpread: number): Promise<FencedKeys> {
    return this.#run(async () => {
      await this.#deps.table.keys.ensure();
      return fenceKeys(this.#moving, keySpread);
    });
  }

  async end(claim: MoveClaim): Promise<void> {
    const { calls, moves, table } = this.#deps;
    await calls.track(async () => {
      if (!(await moves.exists())) return;
      await endMove(this.#moving, claim);
      table.forget();
    });
  }

  #become(claim: MoveClaim, from: readonly GateState[], state: GateState): Promise<void> {
    return this.#claimed(claim, from, (session, row) => setMove(session, this.#moving, { ...row, state }));
  }

  /** Reads are not fenced by what they return: what a process does with it is. */
  #reading<T>(claim: MoveClaim, read: () => Promise<T>, ...also: readonly GateState[]): Promise<T> {
    return this.#run(async () => {
      await claimed(this.#moving, claim, ['copying', 'closed', ...also], async () => {});
      return read();
    });
  }

  #claimed(
    claim: MoveClaim,
    states: readonly GateState[],
    work: Parameters<typeof claimed<void>>[3],
  ): Promise<void> {
    return this.#run(() => claimed(this.#moving, claim, states, work));
  }

  #run<T>(operation: () => Promise<T>): Promise<T> {
    return this.#deps.calls.run(this.#deps.moves, operation);
  }

  /** The timeline, which a promoted standby changes. Empty where the server does not tell. */
  async #timeline(): Promise<string> {
    try {
      const [row] = await this.#deps.context.db.read<{ readonly timeline: string }>({
        text: 'SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline',
      });
      return row?.timeline ?? '';
    } catch (error) {
      if (error instanceof PostgresError && error.sqlState !== undefined && !error.connectionLost) return '';
      throw error;
    }
  }
}
