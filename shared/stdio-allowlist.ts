/** The operator's list of commands that a STDIO server may run: an empty list allows nothing (`domain.md`, McpServer fields). */
import { isAbsolute } from 'node:path';
import { z } from 'zod';

const stdioAllowlistSchema = z.strictObject({
  entries: z
    .array(
      z.strictObject({
        /** Absolute path of the program; compared to the letter. */
        command: z.string().refine(isAbsolute, 'must be an absolute path'),
        /** One regular expression per argument, anchored at both ends; the number of arguments must match. */
        args: z.array(z.string()).max(64),
        /** Names of the environment variables that a server may set. */
        env: z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/)).max(64),
        /** The package of npm that runs so, and what stands in front of its own arguments, to the letter: with this the catalogue can install it. */
        npmPackage: z.strictObject({ name: z.string(), args: z.array(z.string()).max(64) }).optional(),
      }),
    )
    .max(1000),
});
export type StdioAllowlistDocument = z.infer<typeof stdioAllowlistSchema>;

export interface StdioLaunch {
  readonly command: string;
  readonly args: readonly string[];
  readonly envNames: readonly string[];
}

/** Flags through which an interpreter runs code from its command line, and variables through which it loads code; refused whatever the list says. */
const INLINE_CODE_FLAGS = /^(?:-c|-e|-p|-r|-m|--call|--eval|--print|--require|--import|--loader|--experimental-loader|--from|--privileged)(?:=|$)/;
const LOADER_VARIABLES = /^(?:NODE_OPTIONS|LD_[A-Z_]+|DYLD_[A-Z_]+|PYTHONPATH|PYTHONSTARTUP|BASH_ENV|ENV|PERL5OPT|RUBYOPT|PATH|npm_config_.*)$/i;

export class StdioAllowlist {
  readonly #entries: readonly { command: string; args: readonly RegExp[]; env: ReadonlySet<string> }[];
  readonly #packages: ReadonlyMap<string, Omit<StdioLaunch, 'envNames'>>;

  /** Throws when a pattern is not a regular expression. */
  constructor(document: StdioAllowlistDocument) {
    this.#entries = document.entries.map((entry) => ({
      command: entry.command,
      args: entry.args.map((pattern) => new RegExp(`^(?:${pattern})$`, 'u')),
      env: new Set(entry.env),
    }));
    this.#packages = new Map(
      document.entries.flatMap(({ command, npmPackage }) => (npmPackage === undefined ? [] : [[npmPackage.name, { command, args: npmPackage.args }]])),
    );
  }

  static readonly empty = new StdioAllowlist({ entries: [] });

  /** Reads the text of the operator's file; throws a sentence that names the file when it is malformed. */
  static parse(text: string, path: string): StdioAllowlist {
    const document = readStdioAllowlist(text, path);
    try {
      return new StdioAllowlist(document);
    } catch (error) {
      throw unusable(path, error);
    }
  }

  /** How a package is started, without arguments of its own; undefined when the operator names no such package. What comes of it is judged like any launch. */
  launchOfPackage(name: string): Omit<StdioLaunch, 'envNames'> | undefined {
    return this.#packages.get(name);
  }

  /** Undefined when the launch is allowed, otherwise the sentence that says why not. */
  objectionTo(launch: StdioLaunch): string | undefined {
    const inline = launch.args.find((argument) => INLINE_CODE_FLAGS.test(argument));
    if (inline !== undefined) return `argument ${inline} can run code from the command line`;
    const loader = launch.envNames.find((name) => LOADER_VARIABLES.test(name));
    if (loader !== undefined) return `environment variable ${loader} can load code into the program`;
    const fits = this.#entries.some(
      (entry) =>
        entry.command === launch.command &&
        entry.args.length === launch.args.length &&
        entry.args.every((pattern, index) => pattern.test(launch.args[index] ?? '')) &&
        launch.envNames.every((name) => entry.env.has(name)),
    );
    return fits ? undefined : `command ${launch.command} with these arguments is not on the operator's STDIO allow-list`;
  }
}

/** The document in the text of the file; throws a sentence that names the file and every fault of it. */
export function readStdioAllowlist(text: string, path: string): StdioAllowlistDocument {
  const reading = stdioAllowlistSchema.safeParse(parseJson(text, path));
  if (reading.success) return reading.data;
  const faults = reading.error.issues.map((issue) => [issue.path.join('.'), issue.message].filter((part) => part !== '').join(': '));
  throw unusable(path, new Error(faults.join('; '), { cause: reading.error }));
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): Error {
  return new Error(`the STDIO allow-list ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
