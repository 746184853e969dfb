import { drizzle as drizzleOnPg } from 'drizzle-orm/node-postgres';
import { drizzle as drizzleOnPostgresJs } from 'drizzle-orm/postgres-js';
import knex from 'knex';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import { DataSource } from 'typeorm';
import * as onDrizzle from '../../src/adapters/drizzle.ts';
import * as onKnex from '../../src/adapters/knex.ts';
import * as onKysely from '../../src/adapters/kysely.ts';
import * as onPg from '../../src/adapters/pg.ts';
import * as onPostgresJs from '../../src/adapters/postgres-js.ts';
import * as onPrisma from '../../src/adapters/prisma.ts';
import * as onTypeOrm from '../../src/adapters/typeorm.ts';
import type { EnqueueOptions, OutboxItem } from '../../src/index.ts';
import { prismaClient } from './prisma-client.ts';

/** `enqueue` in the transaction of a library. */
export type Enqueue = (
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
) => Promise<readonly string[]>;

/** A library, connected to a database. */
export interface Library {
  /** Runs `work` in a transaction, which rolls back if it throws. */
  transaction<T>(work: (enqueue: Enqueue) => Promise<T>): Promise<T>;
  close(): Promise<unknown>;
}

/** The libraries that have an adapter, by name. */
export const LIBRARIES: Readonly<Record<string, (url: string) => Promise<Library>>> = {
  pg: async (url) => {
    const client = new pg.Client(url);
    await client.connect();
    return {
      transaction: async (work) => {
        await client.query('BEGIN');
        try {
          const result = await work((...call) => onPg.enqueue(client, ...call));
          await client.query('COMMIT');
          return result;
        } catch (error) {
          await client.query('ROLLBACK');
          throw error;
        }
      },
      close: () => client.end(),
    };
  },
  'postgres.js': async (url) => {
    const db = postgres(url);
    return {
      transaction: async (work) =>
        (
          await db.begin(async (tx) => [await work((...call) => onPostgresJs.enqueue(tx, ...call))])
        )[0] as never,
      close: () => db.end(),
    };
  },
  'drizzle on pg': async (url) => {
    const pool = new pg.Pool({ connectionString: url });
    const db = drizzleOnPg(pool);
    return {
      transaction: (work) => db.transaction((tx) => work((...call) => onDrizzle.enqueue(tx, ...call))),
      close: () => pool.end(),
    };
  },
  'drizzle on postgres.js': async (url) => {
    const client = postgres(url);
    const db = drizzleOnPostgresJs(client);
    return {
      transaction: (work) => db.transaction((tx) => work((...call) => onDrizzle.enqueue(tx, ...call))),
      close: () => client.end(),
    };
  },
  kysely: async (url) => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) });
    return {
      transaction: (work) =>
        db.transaction().execute((trx) => work((...call) => onKysely.enqueue(trx, ...call))),
      close: () => db.destroy(),
    };
  },
  knex: async (url) => {
    const db = knex({ client: 'pg', connection: url });
    return {
      transaction: (work) => db.transaction((trx) => work((...call) => onKnex.enqueue(trx, ...call))),
      close: () => db.destroy(),
    };
  },
  prisma: async (url) => {
    const db = prismaClient(url);
    return {
      transaction: (work) => db.$transaction((tx) => work((...call) => onPrisma.enqueue(tx, ...call))),
      close: () => db.$disconnect(),
    };
  },
  typeorm: async (url) => {
    const db = await new DataSource({ type: 'postgres', url }).initialize();
    return {
      transaction: (work) =>
        db.transaction((manager) => work((...call) => onTypeOrm.enqueue(manager, ...call))),
      close: () => db.destroy(),
    };
  },
};
