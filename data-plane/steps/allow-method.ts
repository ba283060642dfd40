/** Step 2: allows only the methods that the Streamable HTTP transport has. */
import { Refusal } from '../../shared/refusal.ts';
import type { Exchange } from '../exchange.ts';

export function allowMethod(exchange: Pick<Exchange, 'method'>): void {
  if (exchange.method === 'POST' || exchange.method === 'GET' || exchange.method === 'DELETE') return;
  throw new Refusal('method_not_allowed', 'method_not_allowed', `${exchange.method} is not allowed here; POST, GET and DELETE are`);
}
