// A real identity provider (oidc-provider) on loopback, with two people and one client.
//
//     node server.mjs MODULES REDIRECT
//
// MODULES is the folder that holds node_modules, REDIRECT the address to come back to. Prints one line of JSON with its port when it
// listens, and ends when standard input ends. A line "groups NAME GROUP…" on standard input changes a person's groups.

import { createRequire } from 'node:module'
import { createServer } from 'node:http'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import readline from 'node:readline'

const [modules, redirect] = process.argv.slice(2)
const require = createRequire(path.resolve(modules, 'package.json'))
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')))

const people = {
  ana: { name: 'Ana Flores', preferred_username: 'Ana.Flores', groups: ['Communications', 'Staff'] },
  ben: { name: 'Ben Tran', preferred_username: 'ben.tran', groups: ['Staff'] },
}

const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address()

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'pagekeeper', client_secret: 'a-secret-of-the-client', redirect_uris: [redirect] }],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'groups'],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  async findAccount(_, id) {
    return people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id] }) }
  },
  cookies: { keys: ['a key for a test'] },
})
server.on('request', provider.callback())
console.log(JSON.stringify({ port }))

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [what, name, ...groups] = line.split(' ')
  if (what === 'groups') people[name].groups = groups
  console.log(JSON.stringify({ done: what }))
}).on('close', () => process.exit(0))
