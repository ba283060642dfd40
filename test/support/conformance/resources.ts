/** The resources of the fixture: text, binary, and one family of URIs. */
import { PNG_BASE64 } from './content.ts';
import { CODES, ProtocolError, textIn, type JsonObject } from './messages.ts';

const RESOURCES = [
  { uri: 'test://static-text', name: 'static-text', mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  { uri: 'test://static-binary', name: 'static-binary', mimeType: 'image/png', blob: PNG_BASE64 },
  { uri: 'test://watched-resource', name: 'watched-resource', mimeType: 'text/plain', text: 'This resource may change.' },
] as const;
const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/;

export function listResources(): JsonObject {
  return { resources: RESOURCES.map(({ uri, name, mimeType }) => ({ uri, name, mimeType, description: `Fixture resource ${name}` })) };
}

export function listResourceTemplates(): JsonObject {
  return {
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', description: 'Data for an id', mimeType: 'application/json' }],
  };
}

export function readResource(params: JsonObject, era: 'legacy' | 'modern'): JsonObject {
  const uri = textIn(params, 'uri') ?? '';
  const resource = RESOURCES.find((candidate) => candidate.uri === uri);
  if (resource !== undefined) {
    const { name: _name, ...contents } = resource;
    return { contents: [contents] };
  }
  const id = TEMPLATE.exec(uri)?.[1];
  if (id === undefined)
    throw new ProtocolError(era === 'modern' ? CODES.invalidParams : CODES.resourceNotFound, 'there is no such resource', { data: { uri } });
  const data = { id, templateTest: true, data: `Data for ID: ${id}` };
  return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify(data) }] };
}
