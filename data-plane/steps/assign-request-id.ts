/** Step 4: ties the request to the trace that the caller is in; its own id was made when it arrived, so that no refusal is without one. */
import type { Exchange } from '../exchange.ts';
import type { Trail } from '../trail.ts';

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-/;

export function assignRequestId(exchange: Pick<Exchange, 'header'>, trail: Trail): void {
  const traceparent = exchange.header('traceparent');
  if (traceparent !== undefined) trail.traceId = TRACEPARENT.exec(traceparent)?.[1];
}
