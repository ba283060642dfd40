/** Where a session puts what it says: a stream of its own for each request, or the one connection that carries everything. */
import type { JsonObject } from './messages.ts';

export interface Outlet {
  send(message: JsonObject): void;
  /** The client loses its stream, where there is such a thing; what is said meanwhile must not be lost. */
  leave(): void;
  /** Nothing more comes for this request. */
  end(): void;
}
