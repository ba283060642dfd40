/** Says in one sentence why a program could not go on; what can only be a bug is shown with its stack. */
import { inspect } from 'node:util';

/** Ports by the variables that set them. */
export type PortVariables = readonly { readonly variable: string; readonly port: number }[];

export function explainFailure(error: unknown, ports: PortVariables = []): string {
  if (!(error instanceof Error) || isBug(error)) return `Turnpike failed, and should not have: ${inspect(error)}`;
  if (isAddressError(error)) return `Turnpike cannot go on: ${hostSentence(error.address)}`;
  if (isPortError(error)) return portSentence(error, ports);
  const reason = error.message === '' ? codeOf(error) : error.message;
  return `Turnpike cannot go on: ${reason.split('\n', 1)[0] ?? reason}`;
}

/** The end of a sentence for an address that cannot be listened on, whatever the port. */
export function hostSentence(host: string): string {
  return `${host} is not an address of this machine; set TURNPIKE_HOST to one`;
}

/** The sentence for a port that cannot be listened on. */
function portSentence(error: Error & { readonly code: string; readonly port: number }, ports: PortVariables): string {
  const variable = ports.find(({ port }) => port === error.port)?.variable ?? 'another port';
  const fault = error.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${error.code})`;
  return `Turnpike cannot go on: port ${error.port} ${fault}; set ${variable} to a free one`;
}

function isAddressError(error: Error): error is Error & { readonly address: string } {
  return (
    'code' in error &&
    error.code === 'EADDRNOTAVAIL' &&
    'syscall' in error &&
    error.syscall === 'listen' &&
    'address' in error &&
    typeof error.address === 'string'
  );
}

function isPortError(error: unknown): error is Error & { readonly code: string; readonly port: number } {
  return (
    error instanceof Error &&
    'syscall' in error &&
    error.syscall === 'listen' &&
    'code' in error &&
    typeof error.code === 'string' &&
    'port' in error &&
    typeof error.port === 'number'
  );
}

function isBug(error: Error): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError || error.name === 'AssertionError';
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
