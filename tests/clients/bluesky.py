"""atproto reads Bluesky accounts of the sandbox to the end: the author's feed, the account's own records, the threads."""

from atproto import Client, models

from reader import ORDER, found

client = Client(base_url=ORDER["base"])
# The account's own server, where that is another one.
home = Client(base_url=ORDER.get("home", ORDER["base"]))


def pages(method, key, **parameters):
    cursor = None
    while True:
        answer = method({**parameters, "limit": 25, "cursor": cursor})
        yield from getattr(answer, key)
        cursor = answer.cursor
        if not cursor:
            return


def thread(uri):
    return client.app.bsky.feed.get_post_thread({"uri": uri, "depth": 1000, "parent_height": 0}).thread


def walk(node):
    # Whatever depth is asked for, an answer ends somewhere: at its edge there is no list of replies.
    if node.replies is None and node.post.reply_count:
        node = thread(node.post.uri)
    for child in node.replies or []:
        if isinstance(child, models.AppBskyFeedDefs.ThreadViewPost):
            found(child.post.uri, child.post.record.text, "reply", node.post.uri)
            walk(child)


for account in ORDER["accounts"]:
    profile = client.app.bsky.actor.get_profile({"actor": account})
    records = pages(home.com.atproto.repo.list_records, "records", repo=profile.did, collection="app.bsky.feed.post")
    own = {record.uri: record.value.text for record in records}
    feed = pages(
        client.app.bsky.feed.get_author_feed, "feed", actor=profile.did, filter="posts_with_replies"
    )
    feed = list(feed)
    shown = {entry.post.uri: entry.post.record for entry in feed if entry.reason is None}
    assert own == {uri: record.text for uri, record in shown.items()}, "the feed and the records differ"
    for uri, record in shown.items():
        reply = record.reply
        found(uri, record.text, "reply" if reply else "post", reply.parent.uri if reply else None)
        walk(thread(uri))
    for entry in feed:
        if entry.reason is not None:
            found(entry.reason.uri, entry.post.record.text, "post")
