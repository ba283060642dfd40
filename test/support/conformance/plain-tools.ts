/** Tools that answer at once, with each kind of content that a result can hold. */
import { AUDIO_PART, IMAGE_PART, resourcePart, text, textPart } from './content.ts';
import { NO_ARGUMENTS, objectSchema, requireCapability, type Tool } from './tool-call.ts';
import type { JsonObject } from './messages.ts';

const STRING = { type: 'string' } as const;

/** Keywords that a relay which rebuilds schemas from types of its own would lose. */
const JSON_SCHEMA_2020_12: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: STRING, city: STRING } } },
  properties: {
    name: STRING,
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: STRING,
    email: STRING,
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

export const PLAIN_TOOLS: Readonly<Record<string, Tool>> = {
  test_simple_text: { inputSchema: NO_ARGUMENTS, run: () => text('This is a simple text response for testing.') },
  test_image_content: { inputSchema: NO_ARGUMENTS, run: () => ({ content: [IMAGE_PART] }) },
  test_audio_content: { inputSchema: NO_ARGUMENTS, run: () => ({ content: [AUDIO_PART] }) },
  test_embedded_resource: {
    inputSchema: NO_ARGUMENTS,
    run: () => ({ content: [resourcePart('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')] }),
  },
  test_multiple_content_types: {
    inputSchema: NO_ARGUMENTS,
    run: () => ({
      content: [
        textPart('Multiple content types test:'),
        IMAGE_PART,
        resourcePart('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ],
    }),
  },
  test_error_handling: { inputSchema: NO_ARGUMENTS, run: () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }) },
  json_schema_2020_12_tool: { inputSchema: JSON_SCHEMA_2020_12, run: ({ args }) => text(JSON.stringify(args)) },
  test_x_mcp_header: {
    inputSchema: objectSchema({ region: { type: 'string', 'x-mcp-header': 'Region' }, count: { type: 'integer', 'x-mcp-header': 'Count' }, query: STRING }, [
      'region',
    ]),
    run: ({ args }) => text(`region=${String(args['region'])}`),
  },
  test_missing_capability: {
    inputSchema: NO_ARGUMENTS,
    run: (call) => {
      requireCapability(call, 'sampling');
      return text('the client can sample');
    },
  },
  test_trigger_tool_change: {
    inputSchema: NO_ARGUMENTS,
    run: (call) => {
      call.announce('tools');
      return text('announced');
    },
  },
  test_trigger_prompt_change: {
    inputSchema: NO_ARGUMENTS,
    run: (call) => {
      call.announce('prompts');
      return text('announced');
    },
  },
};
