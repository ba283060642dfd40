/** Names the place when what is stored cannot be used: with the secret key that was given, or at all. */
import { ForeignSecretKey } from '../control-plane/secrets/installation.ts';

/** The error to throw in place of one of the control plane's start: with the place where it is of these kinds, else itself. */
export function storedFailure(error: unknown, { keyPlace, databasePlace }: { keyPlace: string; databasePlace: string }): unknown {
  if (error instanceof ForeignSecretKey) {
    const sentence = `the secret key of ${keyPlace} is not the one that the database ${databasePlace} was made with, and nothing in there can be opened with it`;
    return new Error(`${sentence}: put the old key back, or move the data directory away to start with an empty one`, { cause: error });
  }
  if (isAnswerOfPostgres(error))
    return new Error(`the database ${databasePlace} cannot be used (${firstLine(error.message)}): restore it from a backup, or use another one`, {
      cause: error,
    });
  return error;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

/** What PostgreSQL itself has answered, whichever library has passed it on. */
function isAnswerOfPostgres(error: unknown): error is Error {
  return error instanceof Error && 'severity' in error && 'code' in error;
}
