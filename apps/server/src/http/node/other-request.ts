import type { ServerResponse } from 'node:http';
import type { CallMessage } from './call-message.ts';
import type { Connection, Turn } from './connection.ts';

/** A request, its reply, and the connection of both. */
export interface Exchange {
  readonly incoming: CallMessage;
  readonly outgoing: ServerResponse;
  readonly connection: Connection;
}

/** A request that is answered otherwise than by `NodeCall`. */
export class OtherRequest implements Turn {
  readonly outgoing: ServerResponse;
  readonly waits: boolean;
  readonly runsAlone: boolean;
  readonly #connection: Connection;
  readonly #run: () => Promise<void> | void;

  /** @param run answers the request. Its promise resolves when the answer was passed to `outgoing`. */
  constructor(
    { outgoing, connection }: Exchange,
    {
      run,
      waits,
      runsAlone,
    }: Pick<Turn, 'waits' | 'runsAlone'> & { readonly run: () => Promise<void> | void },
  ) {
    this.outgoing = outgoing;
    this.waits = waits;
    this.runsAlone = runsAlone;
    this.#connection = connection;
    this.#run = run;
  }

  run(): void {
    const end = () => this.#connection.ended(this);
    Promise.resolve(this.#run()).then(end, end);
  }

  drop(): void {}
}
