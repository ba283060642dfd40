/** Counts the statements that PostgreSQL gets because of requests over HTTP; what goes on in the background is nobody's request. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import pg from 'pg';

const REQUEST_BEGINS = 'http.server.request.start';
/** Begins or ends a transaction, or says for whom it is. */
const FRAME = /^(?:begin|commit|rollback|set local|select set_config)\b/i;

/** The statements of all requests that this process is sent while the work goes on, without those around transactions. */
export async function statementsDuring(work: () => Promise<unknown>): Promise<string[]> {
  const requests = new AsyncLocalStorage<true>();
  const statements: string[] = [];
  const enter = () => requests.enterWith(true);
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = new Proxy(query, {
    apply: (target, client, given: readonly unknown[]) => {
      const [text] = given;
      if (requests.getStore() && typeof text === 'string' && !FRAME.test(text)) statements.push(text);
      return Reflect.apply(target, client, given);
    },
  });
  subscribe(REQUEST_BEGINS, enter);
  try {
    await work();
  } finally {
    unsubscribe(REQUEST_BEGINS, enter);
    pg.Client.prototype.query = query;
  }
  return statements;
}
