import { Buffer } from 'node:buffer';
import { PrismaPg } from '@prisma/adapter-pg';
import { getPrismaClient } from '@prisma/client/runtime/client';
import type { PrismaTransaction } from '../../src/adapters/prisma.ts';

/** What the tests use of Prisma's client. */
interface PrismaClient {
  $transaction<T>(work: (tx: PrismaTransaction) => Promise<T>): Promise<T>;
  $disconnect(): Promise<void>;
}

/** Prisma's own code for PostgreSQL. It comes without types. */
const COMPILER = '@prisma/client/runtime/query_compiler_fast_bg.postgresql';

/** The least that Prisma reads of a schema without models. */
const NO_MODELS = Buffer.alloc(64).toString('base64');

/**
 * The client of Prisma as its generator writes it for a schema without models. The
 * generator itself downloads an engine, which tests must not.
 */
export function prismaClient(connectionString: string): PrismaClient {
  const settings = {
    runtimeDataModel: { models: {}, enums: {}, types: {} },
    previewFeatures: [],
    clientVersion: '7.10.0',
    engineVersion: '',
    activeProvider: 'postgresql',
    inlineSchema: 'datasource db { provider = "postgresql" }',
    parameterizationSchema: { strings: '[]', graph: NO_MODELS },
    compilerWasm: {
      getRuntime: () => import(`${COMPILER}.mjs`),
      getQueryCompilerWasmModule: async () => {
        const { wasm } = await import(`${COMPILER}.wasm-base64.mjs`);
        return new (
          globalThis as unknown as { WebAssembly: { Module: new (code: Buffer) => object } }
        ).WebAssembly.Module(Buffer.from(wasm, 'base64'));
      },
      importName: './query_compiler_fast_bg.js',
    },
  };
  const Client = (getPrismaClient as unknown as (given: object) => new (options: object) => PrismaClient)(
    settings,
  );
  return new Client({ adapter: new PrismaPg({ connectionString }) });
}
