/** Makes an async iterator that ends at once when its reader leaves, even while it waits for the next value. */

/** An async generator alone would first finish what it waits for: `return()` is queued behind a pending `next()`. */
export function endingWith<Value>(start: (signal: AbortSignal) => AsyncGenerator<Value>): AsyncGenerator<Value> {
  const ending = new AbortController();
  const values = start(ending.signal);
  return {
    next: () => values.next(),
    return: (value) => {
      ending.abort();
      return values.return(value);
    },
    throw: (error) => {
      ending.abort();
      return values.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await values.return(undefined);
    },
  };
}
