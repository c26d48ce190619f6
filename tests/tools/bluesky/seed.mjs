// What is on the test network: a district's account, a parent and somebody who leaves. The truth that goes with it is
// what a reader of the public API should find, in the words of the archive (kind, parent, root, state).

const START = Date.parse('2026-11-02T16:00:00Z')
const PASSWORD = 'only-for-this-test'

/** A picture of one pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const people = {}
const posts = new Map()
let clock = 0

export async function seed(network) {
  for (const name of ['mesavista', 'parent', 'leaver']) people[name] = await account(network, name)

  for (let n = 1; n <= 13; n += 1) await post('mesavista', `p${n}`, null, topic(n))

  // Three levels.
  await post('parent', 'p1-a', 'p1', '¿A qué hora empieza la reunión?')
  await post('mesavista', 'p1-a-b', 'p1-a', 'At 6 pm in the library. A las 6 de la tarde.')

  // Fourteen levels, the root counted: deeper than the AppView gives at once.
  let above = 'p2'
  for (let level = 2; level <= 14; level += 1) {
    above = await post(level % 2 ? 'mesavista' : 'parent', `p2-${level}`, above, `Bus question, level ${level}.`)
  }

  await post('parent', 'p3-hidden', 'p3', 'This reply is hidden later.')
  await post('parent', 'p3-seen', 'p3', 'This reply stays.')
  await post('leaver', 'p4-leaver', 'p4', 'I leave later, and what stands under me goes with me.')
  await post('parent', 'p4-under', 'p4-leaver', 'I stand under somebody who leaves.')
  await post('parent', 'p5-deleted', 'p5', 'This reply is deleted later.')
  await post('mesavista', 'p5-under', 'p5-deleted', 'I stand under a reply that is deleted.')
  await post('parent', 'p6-under', 'p6', 'I stand under a post that is deleted.')
  await profile()
  await network.processAll()
  return truth()
}

/** The second state: a hidden reply, a deactivated author, two deletions, a replaced record. */
export async function change(network) {
  const { agent, did } = people.mesavista
  const p3 = posts.get('p3')
  await agent.com.atproto.repo.createRecord({
    repo: did,
    collection: 'app.bsky.feed.threadgate',
    rkey: rkey(p3),
    record: {
      $type: 'app.bsky.feed.threadgate',
      post: p3.uri,
      hiddenReplies: [posts.get('p3-hidden').uri],
      createdAt: time(),
    },
  })
  posts.get('p3-hidden').state = 'hidden'

  await people.leaver.agent.com.atproto.server.deactivateAccount({})
  for (const name of ['p4-leaver', 'p4-under']) posts.get(name).state = 'withdrawn'

  for (const name of ['p5-deleted', 'p6']) {
    const gone = posts.get(name)
    await people[gone.author].agent.com.atproto.repo.deleteRecord({
      repo: people[gone.author].did,
      collection: 'app.bsky.feed.post',
      rkey: rkey(gone),
    })
    gone.state = 'gone'
  }

  const edited = posts.get('p7')
  edited.record = { ...edited.record, text: 'Corrected: the game starts at 7 pm.' }
  const put = await agent.com.atproto.repo.putRecord({
    repo: did,
    collection: 'app.bsky.feed.post',
    rkey: rkey(edited),
    record: edited.record,
  })
  edited.cid = put.data.cid
  await network.processAll()
  return truth()
}

async function account(network, name) {
  const agent = network.pds.getAgent()
  const handle = `${name}.test`
  await agent.createAccount({ handle, email: `${name}@mesavista.example.org`, password: PASSWORD })
  return { agent, handle, did: agent.session.did }
}

async function profile() {
  const { agent, did } = people.mesavista
  await agent.com.atproto.repo.putRecord({
    repo: did,
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
    record: {
      $type: 'app.bsky.actor.profile',
      displayName: 'Mesa Vista USD',
      description: 'Official page of Mesa Vista Unified School District.',
    },
  })
}

function topic(n) {
  const topics = ['Board meeting tonight.', 'Bus routes change on Monday.', 'Picture day is Thursday.', 'Science fair, with pictures.']
  return `${topics[n % topics.length]} Notice ${n} of Mesa Vista USD.`
}

/** Writes one post or reply and remembers what was written. Returns the name, to stand under it. */
async function post(author, name, parent, text) {
  const { agent, did } = people[author]
  const record = { $type: 'app.bsky.feed.post', text, createdAt: time(), langs: ['en', 'es'] }
  const above = parent && posts.get(parent)
  if (above) record.reply = { root: ref(posts.get(above.root)), parent: ref(above) }
  if (name === 'p8') {
    const blob = await agent.com.atproto.repo.uploadBlob(PIXEL, { encoding: 'image/png' })
    record.embed = { $type: 'app.bsky.embed.images', images: [{ image: blob.data.blob, alt: 'The gym floor, empty.' }] }
  }
  if (name === 'p9') {
    const external = { uri: 'https://mesavista.example.org/menu', title: 'Lunch menu', description: 'November.' }
    record.embed = { $type: 'app.bsky.embed.external', external }
  }
  const made = await agent.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record })
  posts.set(name, {
    author,
    record,
    uri: made.data.uri,
    cid: made.data.cid,
    parent,
    root: above ? above.root : name,
    state: 'visible',
  })
  return name
}

function truth() {
  const items = [...posts].map(([name, item]) => ({
    name,
    uri: item.uri,
    cid: item.cid,
    author: people[item.author].did,
    handle: people[item.author].handle,
    kind: item.parent ? (posts.get(item.parent).parent ? 'reply' : 'comment') : 'post',
    parent: item.parent && posts.get(item.parent).uri,
    root: posts.get(item.root).uri,
    text: item.record.text,
    created_at: item.record.createdAt,
    alt: item.record.embed?.images?.[0].alt ?? null,
    state: item.state,
  }))
  return { district: people.mesavista.did, handle: people.mesavista.handle, items }
}

function ref({ uri, cid }) {
  return { uri, cid }
}

function rkey({ uri }) {
  return uri.split('/').pop()
}

/** One minute later each time. */
function time() {
  clock += 1
  return new Date(START + clock * 60_000).toISOString()
}
