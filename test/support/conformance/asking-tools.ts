/** Tools that need the client's input before they can answer, by results that ask for it (MCP 2026-07-28, multi round-trip requests). */
import { text } from './content.ts';
import { recordIn, textIn, type JsonObject } from './messages.ts';
import { openState, sealState } from './request-state.ts';
import { NO_ARGUMENTS, objectSchema, requireCapability, type Tool, type ToolCall } from './tool-call.ts';

export const ASKING_TOOLS: Readonly<Record<string, Tool>> = {
  test_streaming_elicitation: asking((call) => {
    if (call.inputs !== undefined) return text('done');
    requireCapability(call, 'elicitation');
    return inputRequired({ ask: form('What is your name?', 'name') }, { tool: 'streaming' });
  }),
  test_input_required_result_elicitation: asking(({ inputs }) => {
    const name = formAnswer(inputs, 'user_name', 'name');
    return name === undefined ? inputRequired({ user_name: form('What is your name?', 'name') }) : text(`Hello, ${name}!`);
  }),
  test_input_required_result_sampling: asking(({ inputs }) => {
    const answer = recordIn(inputs, 'capital_question');
    if (answer === undefined) return inputRequired({ capital_question: sampling('What is the capital of France?') });
    return text(`The model said: ${textIn(recordIn(answer, 'content'), 'text') ?? ''}`);
  }),
  test_input_required_result_list_roots: asking(({ inputs }) => {
    const answer = recordIn(inputs, 'client_roots');
    return answer === undefined ? inputRequired({ client_roots: ROOTS }) : text(`Roots: ${JSON.stringify(answer['roots'])}`);
  }),
  test_input_required_result_request_state: asking((call) => confirmed(call, 'state-ok')),
  test_input_required_result_tampered_state: asking((call) => confirmed(call, 'integrity-ok')),
  test_input_required_result_multiple_inputs: asking(({ inputs, requestState }) => {
    const isComplete = ['user_name', 'greeting', 'client_roots'].every((name) => recordIn(inputs, name) !== undefined);
    if (requestState !== undefined && isComplete) {
      openState(requestState);
      return text('all inputs received');
    }
    const requests = { user_name: form('What is your name?', 'name'), greeting: sampling('Generate a greeting'), client_roots: ROOTS };
    return inputRequired(requests, { tool: 'multiple' });
  }),
  test_input_required_result_multi_round: asking(nextRound),
  test_input_required_result_capabilities: asking(({ inputs, capabilities }) => {
    if (inputs !== undefined) return text('capabilities ok');
    const requests: Record<string, JsonObject> = {};
    if (recordIn(capabilities, 'elicitation') !== undefined) requests['form'] = form('Which value?', 'value');
    if (recordIn(capabilities, 'sampling') !== undefined) requests['sample'] = sampling('Say anything');
    return Object.keys(requests).length === 0 ? text('the client can do nothing') : inputRequired(requests, { tool: 'capabilities' });
  }),
};

const ROOTS: JsonObject = { method: 'roots/list', params: {} };

/** Two questions, one after the other; how far the call has come is in its state alone. */
function nextRound({ inputs, requestState }: ToolCall): JsonObject {
  const round = requestState === undefined ? 0 : openState(requestState)['round'];
  if (round === 1 && formAnswer(inputs, 'step1', 'name') !== undefined) {
    return inputRequired({ step2: form('Step 2: What is your favourite colour?', 'color') }, { round: 2 });
  }
  if (round === 2 && formAnswer(inputs, 'step2', 'color') !== undefined) return text('multi-round complete');
  return inputRequired({ step1: form('Step 1: What is your name?', 'name') }, { round: 1 });
}

function confirmed({ inputs, requestState }: ToolCall, words: string): JsonObject {
  if (requestState !== undefined) {
    openState(requestState);
    if (formAnswer(inputs, 'confirm', 'ok') !== undefined) return text(words);
  }
  const params = { mode: 'form', message: 'Please confirm', requestedSchema: objectSchema({ ok: { type: 'boolean' } }, ['ok']) };
  return inputRequired({ confirm: { method: 'elicitation/create', params } }, { words });
}

export function inputRequired(inputRequests: JsonObject, state?: JsonObject): JsonObject {
  return { resultType: 'input_required', inputRequests, ...(state === undefined ? {} : { requestState: sealState(state) }) };
}

/** A form with one text field. */
export function form(message: string, field: string): JsonObject {
  return { method: 'elicitation/create', params: { mode: 'form', message, requestedSchema: objectSchema({ [field]: { type: 'string' } }, [field]) } };
}

/** What the client's user has put into the field, as JSON; undefined as long as nobody has. */
export function formAnswer(inputs: JsonObject | undefined, name: string, field: string): string | undefined {
  const answer = recordIn(inputs, name);
  const value = answer?.['action'] === 'accept' ? recordIn(answer, 'content')?.[field] : undefined;
  return value === undefined ? undefined : JSON.stringify(value);
}

function sampling(prompt: string): JsonObject {
  return { method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100 } };
}

function asking(run: Tool['run']): Tool {
  return { inputSchema: NO_ARGUMENTS, run };
}
