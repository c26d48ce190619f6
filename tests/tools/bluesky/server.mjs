// Bluesky's own servers (PLC directory, PDS, AppView) on loopback, with what they need, seeded for the tests.
//
//     node --require ./loopback.cjs server.mjs MODULES
//
// MODULES is the folder that holds node_modules. Prints one line of JSON when all is there: the addresses and the
// truth of the seed. The line "change" on standard input makes the second state and prints its truth. When standard
// input ends, everything ends. PLC and PDS keep nothing, so each start is a fresh network in a fresh folder.

import { execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { change, seed } from './seed.mjs'

const folder = mkdtempSync(path.join(os.tmpdir(), 'pagekeeper-bluesky-'))
const children = []

/** Levels below a post in one answer, as on the public AppView. */
const DEPTH = 10

async function main() {
  const { postgresPort, redisPort } = await startStores()
  Object.assign(process.env, {
    TMPDIR: path.join(folder, 'scratch'),
    DB_POSTGRES_URL: `postgresql://pg@127.0.0.1:${postgresPort}/postgres`,
    DB_POSTGRES_SCHEMA: 'rs',
    REDIS_HOST: `127.0.0.1:${redisPort}`,
    LOG_ENABLED: 'false',
    NODE_ENV: 'development',
  })
  const require = createRequire(path.resolve(process.argv[2], 'package.json'))
  const { TestNetwork } = require('@atproto/dev-env')
  const [plc, pds, bsky] = await Promise.all([freePort(), freePort(), freePort()])
  const network = await TestNetwork.create({
    dbPostgresSchema: 'rs',
    plc: { port: plc },
    pds: { port: pds, hostname: 'localhost', enableDidDocWithSession: true },
    bsky: { port: bsky, publicUrl: `http://localhost:${bsky}`, dbPostgresSchema: 'appview', maxThreadDepth: DEPTH },
  })
  const truth = await seed(network)
  say({ plc: network.plc.url, pds: network.pds.url, appview: network.bsky.url, ...truth })
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line.trim() === 'change') say(await change(network))
  }
  await Promise.race([network.close(), sleep(5000)])
}

/** PostgreSQL and Redis as children of this process; PostgreSQL refuses to run as root. */
async function startStores() {
  const [postgresPort, redisPort] = await Promise.all([freePort(), freePort()])
  const data = path.join(folder, 'pg')
  mkdirSync(data)
  mkdirSync(path.join(folder, 'scratch'))
  const as = process.getuid() === 0 ? { uid: id('-u'), gid: id('-g') } : {}
  if (as.uid) for (const place of [folder, data]) chownSync(place, as.uid, as.gid)
  const bin = postgresFolder()
  execFileSync(path.join(bin, 'initdb'), ['-D', data, '-U', 'pg', '--auth=trust', '-E', 'UTF8'], { ...as, cwd: data })
  const options = { listen_addresses: '127.0.0.1', port: postgresPort, unix_socket_directories: data, fsync: 'off' }
  const flags = Object.entries(options).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  child(path.join(bin, 'postgres'), ['-D', data, ...flags], { ...as, cwd: data })
  const redis = ['--bind', '127.0.0.1', '--port', redisPort, '--save', '', '--appendonly', 'no', '--dir', folder]
  child('redis-server', redis.map(String), { cwd: folder })
  await Promise.all([listening(postgresPort), listening(redisPort)])
  await ready(() => execFileSync(path.join(bin, 'pg_isready'), ['-q', '-U', 'pg', '-h', '127.0.0.1', '-p', String(postgresPort)]))
  return { postgresPort, redisPort }
}

function id(flag) {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}

/** Debian keeps the server's programs out of the path, by version. */
function postgresFolder() {
  const home = '/usr/lib/postgresql'
  const newest = readdirSync(home).sort((a, b) => Number(b) - Number(a))[0]
  return path.join(home, newest, 'bin')
}

/** A child ends with us, however we end. */
function child(program, args, options) {
  children.push(spawn('setpriv', ['--pdeathsig', 'INT', program, ...args], { ...options, stdio: 'ignore' }))
}

async function freePort() {
  const server = net.createServer().listen(0)
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

async function listening(port) {
  await ready(
    () =>
      new Promise((done, failed) => {
        const socket = net.connect(port, '127.0.0.1', () => done(socket.destroy()))
        socket.once('error', failed)
      }),
  )
}

async function ready(probe) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await probe()
    } catch (error) {
      if (tries > 200) throw error
      await sleep(100)
    }
  }
}

function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function end(code) {
  for (const store of children) store.kill('SIGINT')
  await Promise.race([Promise.all(children.map((store) => new Promise((done) => store.once('exit', done)))), sleep(5000)])
  rmSync(folder, { recursive: true, force: true })
  process.exit(code)
}

process.once('SIGTERM', () => void end(0))
main().then(
  () => end(0),
  (error) => {
    console.error(error)
    return end(1)
  },
)
