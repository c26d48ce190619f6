// Preloaded before the Bluesky servers: whatever listens, listens on loopback only, and "localhost" is 127.0.0.1.
'use strict'

require('node:dns').setDefaultResultOrder('ipv4first')

const { Server } = require('node:net')
const listen = Server.prototype.listen

Server.prototype.listen = function (...args) {
  if (args[0] !== null && typeof args[0] === 'object') {
    if (args[0].path === undefined) args[0] = { ...args[0], host: '127.0.0.1' }
  } else if (typeof args[1] === 'string') {
    args[1] = '127.0.0.1'
  } else {
    args.splice(typeof args[0] === 'function' ? 0 : 1, 0, '127.0.0.1')
    if (typeof args[0] === 'string' && args[0] === '127.0.0.1') args.unshift(0)
  }
  return listen.apply(this, args)
}
