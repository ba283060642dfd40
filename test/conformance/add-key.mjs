/** Loaded into the suite's process, which has no option for headers: gives the virtual key to every request that it makes. */
import { subscribe } from 'node:diagnostics_channel';

const authorization = `Bearer ${process.env.CONFORMANCE_API_KEY}`;

// `fetch` and undici in any version tell of their requests here, and node:http on the channel below.
subscribe('undici:request:create', ({ request }) => request.addHeader('authorization', authorization));
subscribe('http.client.request.created', ({ request }) => request.setHeader('authorization', authorization));
