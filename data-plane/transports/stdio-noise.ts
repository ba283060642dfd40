/** Counts what children write that reaches nobody. */

export interface StdioNoise {
  /** Lines that are no message. */
  garbageLines: number;
  /** Answers with an id that nobody waits for: late, repeated or made up. */
  unmatchedAnswers: number;
  /** Notifications that belong to no caller, or to one that takes none or no more. */
  droppedNotifications: number;
  /** Requests of a child to a client; it was told that there is nobody to ask, or nobody who listens. */
  refusedRequests: number;
}
