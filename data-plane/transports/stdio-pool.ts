/** Shares the child processes of one server among all its callers: a call takes one that runs, and starts one only when none does. */
import { Refusal } from '../../shared/refusal.ts';
import type { StdioChild } from './stdio-child.ts';
import type { StdioFleet } from './stdio-fleet.ts';
import { sendOnLoan, type StdioDispatch } from './stdio-lending.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

export class StdioPool implements StdioDispatch {
  readonly #fleet: StdioFleet;

  constructor(fleet: StdioFleet) {
    this.#fleet = fleet;
  }

  send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    return sendOnLoan(request, sink, { childFor: () => this.#childForCall(), children: this.#fleet.children });
  }

  #childForCall(): StdioChild {
    let best: StdioChild | undefined;
    let takers = 0;
    for (const child of this.#fleet.children) {
      if (!child.takesCalls) continue;
      takers++;
      if (best === undefined || child.inFlight < best.inFlight) best = child;
    }
    const { inFlightMax, processesMax } = this.#fleet.serverLimits;
    if (best !== undefined && best.inFlight < inFlightMax) return best;
    if (takers < processesMax) return this.#fleet.start({});
    throw new Refusal('stdio_error', 'stdio_overloaded', `server ${this.#fleet.parts.slug} works on as many calls as it may`, { limit: inFlightMax });
  }
}
