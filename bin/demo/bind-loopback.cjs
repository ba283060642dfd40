/** Loaded ahead of the demo server: makes it listen on the loopback address only, tells the parent its port, and ends with the parent. */
'use strict';
const { Server } = require('node:net');

const { listen } = Server.prototype;

Server.prototype.listen = function listenOnLoopback(port, ...rest) {
  const heard = rest.findLast((argument) => typeof argument === 'function');
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, heard);
};

process.once('disconnect', () => process.exit());
