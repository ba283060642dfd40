/** Runs the MCP Inspector from the command line, as whoever sets up a server does: one process for each question. */
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT, startProgram } from './processes.ts';
import type { Target } from './real-clients.ts';

const PROGRAM = join(ROOT, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');
const answerSchema = z.object({ result: z.unknown().optional(), error: z.object({ code: z.string(), message: z.string() }).optional() });

export interface InspectorAnswer extends z.infer<typeof answerSchema> {
  readonly exitCode: number | null;
}

/** `question` are further arguments; the directory is a home for what it keeps, so that no login of this machine is used. */
export async function inspect(target: Target, home: string, question: readonly string[]): Promise<InspectorAnswer> {
  const server = ['--server-url', target.url, '--transport', 'http', '--header', `Authorization: Bearer ${target.apiKey}`, '--stored-auth-only'];
  const program = startProgram(process.execPath, [PROGRAM, '--cli', ...server, '--format', 'json', '--quiet', ...question], { HOME: home });
  await once(program.child, 'close');
  return { ...answerSchema.parse(JSON.parse(program.output())), exitCode: program.child.exitCode };
}
