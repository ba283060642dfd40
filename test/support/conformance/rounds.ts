/** Works on what needs the client's input in the eras with sessions: each question is asked while the call waits (up to MCP 2025-11-25). */
import { recordIn, textIn, type JsonObject } from './messages.ts';
import type { ToolCall } from './tool-call.ts';

type Round = (call: Pick<ToolCall, 'inputs' | 'requestState'>) => JsonObject | Promise<JsonObject>;

/** Asks and works on until there is a result that needs no more input. */
export async function answerWithQuestions(ask: ToolCall['ask'], round: Round): Promise<JsonObject> {
  let result = await round({ inputs: undefined, requestState: undefined });
  while (result['resultType'] === 'input_required') {
    const questions = recordIn(result, 'inputRequests') ?? {};
    const answers = await Promise.all(
      Object.keys(questions).map(async (name) => {
        const question = recordIn(questions, name);
        return [name, await ask(textIn(question, 'method') ?? '', recordIn(question, 'params') ?? {})] as const;
      }),
    );
    result = await round({ inputs: Object.fromEntries(answers), requestState: textIn(result, 'requestState') });
  }
  return result;
}
