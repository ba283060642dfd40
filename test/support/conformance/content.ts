/** The smallest picture, sound and resources that the suite takes for real ones. */
import type { JsonObject } from './messages.ts';

/** One red pixel. */
export const PNG_BASE64 = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
export const WAV_BASE64 = silence().toString('base64');

export function text(words: string): JsonObject {
  return { content: [textPart(words)] };
}

export function textPart(words: string): JsonObject {
  return { type: 'text', text: words };
}

export const IMAGE_PART: JsonObject = { type: 'image', data: PNG_BASE64, mimeType: 'image/png' };
export const AUDIO_PART: JsonObject = { type: 'audio', data: WAV_BASE64, mimeType: 'audio/wav' };

export function resourcePart(uri: string, mimeType: string, words: string): JsonObject {
  return { type: 'resource', resource: { uri, mimeType, text: words } };
}

/** A RIFF header for 8 kHz, one channel, 16 bits, and no sample behind it. */
function silence(): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  return header;
}
