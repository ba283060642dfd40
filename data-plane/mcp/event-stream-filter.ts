/** Lets the events of a text/event-stream pass as they complete, byte for byte but for those whose data is judged to become other data. */
import { Refusal } from '../../shared/refusal.ts';
import { dataOfEvent, EventStreamSplitter, withData } from './event-stream.ts';

export interface EventStreamFilter {
  /**
   * The events that a chunk completes, each judged when it is asked for, so that those ahead of a refused one are not lost. Throws
   * `upstream_error/bad_answer` for an event that is too large, and whatever the judge throws.
   */
  push(chunk: Buffer): Iterable<Buffer>;
  /** What came after the last complete event: readers that follow the standard throw it away, others are not to see what is hidden. */
  end(): Buffer[];
}

/**
 * `judge` gets the data of each event that has any, and answers the same buffer to let the event pass as it came. An event is held
 * back until it is complete, up to `eventBytesMax`.
 */
export function createEventStreamFilter(judge: (data: Buffer) => Buffer, eventBytesMax: number): EventStreamFilter {
  const splitter = new EventStreamSplitter();
  const judgeEvent = (event: Buffer): Buffer => {
    requireSize(event.length);
    const text = dataOfEvent(event);
    if (text === undefined || text === '') return event;
    const data = Buffer.from(text);
    const judged = judge(data);
    // In JSON, which is all that is rewritten, a line break stands between tokens only and means no more than a space.
    return judged === data ? event : withData(event, judged.toString('utf8').replace(/[\r\n]+/g, ' '));
  };
  const requireSize = (bytes: number): void => {
    if (bytes > eventBytesMax) throw new Refusal('upstream_error', 'bad_answer', 'the server sent an event that is too large to be judged');
  };
  return {
    *push(chunk) {
      for (const event of splitter.push(chunk)) yield judgeEvent(event);
      requireSize(splitter.pendingBytes);
    },
    end: () => {
      const rest = splitter.end();
      return rest === undefined ? [] : [judgeEvent(rest)];
    },
  };
}
