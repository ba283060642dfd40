/** Writes the JSON-RPC message of a call that somebody describes by its method, tool and arguments. */
import { z } from 'zod';

/** An answer to it is told by this id. */
export const MESSAGE_ID = '1';
const ARGUMENT_CHARACTERS_MAX = 262_144;

export const messageSchema = z.object({
  rpcMethod: z.string().regex(/^[\w$.\-/]{1,128}$/, 'must be a method such as tools/call'),
  tool: z.string().min(1).max(1024).nullable(),
  /** Of the tool; of another method, its params. */
  arguments: z
    .record(z.string(), z.unknown())
    .nullable()
    .refine((value) => JSON.stringify(value).length <= ARGUMENT_CHARACTERS_MAX, `must be at most ${ARGUMENT_CHARACTERS_MAX} characters of JSON`),
});

export function messageOf({ rpcMethod, tool, arguments: given }: z.infer<typeof messageSchema>): string {
  const params = tool === null ? (given ?? {}) : { name: tool, arguments: given ?? {} };
  return JSON.stringify({ jsonrpc: '2.0', id: MESSAGE_ID, method: rpcMethod, params });
}
