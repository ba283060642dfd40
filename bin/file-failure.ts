/** Says which file cannot be used, by whom, and what the system says about it. */
import { userInfo } from 'node:os';

/** The error to throw: its sentence names the path and what to do. `verb` is such as `read`. */
export function fileFailure(path: string, verb: string, error: unknown, remedy: string): Error {
  return new Error(`${path} cannot be ${verb} by ${accountName()} (${reasonOf(error)}): ${remedy}`, { cause: error });
}

/** A container may run as a number that no account has. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? '?'}`;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
