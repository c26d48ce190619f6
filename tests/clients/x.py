"""tweepy reads X accounts of the sandbox to the end: the timeline, who names and who quotes it, and every conversation."""

import html

import tweepy

from reader import ORDER, Elsewhere, found

FIELDS = ["text", "author_id", "created_at", "conversation_id", "referenced_tweets", "note_tweet", "entities"]

client = tweepy.Client(bearer_token=ORDER["token"])
client.session.mount("https://", Elsewhere("https://api.twitter.com", ORDER["base"]))


def everything(method, *arguments, **more):
    pages = tweepy.Paginator(
        method, *arguments, max_results=20, tweet_fields=FIELDS, expansions=["referenced_tweets.id"], **more
    )
    for page in pages:
        beside = {tweet.id: tweet for tweet in page.includes.get("tweets", [])}
        for tweet in page.data or []:
            yield tweet, beside


def text(tweet, beside):
    """The text as it was written: whole, without X's own links; of what is passed on, the original."""
    for other in tweet.referenced_tweets or []:
        if other.type == "retweeted":
            return text(beside[other.id], beside)
    note = tweet.data.get("note_tweet", {})
    words = note.get("text", tweet.text)
    quoted = [str(other.id) for other in tweet.referenced_tweets or [] if other.type == "quoted"]
    for url in (note.get("entities") or tweet.entities or {}).get("urls", []):
        own = "media_key" in url or url["expanded_url"].rsplit("/", 1)[-1] in quoted
        words = words.replace(url["url"], "" if own else url["expanded_url"])
    return html.unescape(words).rstrip(" ")


def above(tweet):
    return next((str(other.id) for other in tweet.referenced_tweets or [] if other.type == "replied_to"), None)


for handle in ORDER["accounts"]:
    user = client.get_user(username=handle).data
    conversations = set()
    for tweet, beside in everything(client.get_users_tweets, user.id):
        found(str(tweet.id), text(tweet, beside), "reply" if above(tweet) else "post", above(tweet))
        # After an edit, answers stand under the id that was the newest when they were written.
        conversations.update([tweet.conversation_id, *tweet.edit_history_tweet_ids])
        for quote, beside in everything(client.get_quote_tweets, tweet.id):
            found(str(quote.id), text(quote, beside), "post", None)
    for tweet, beside in everything(client.get_users_mentions, user.id):
        found(str(tweet.id), text(tweet, beside), "reply" if above(tweet) else "post", above(tweet))
        conversations.add(tweet.conversation_id)
    # Without a start the full archive gives a month.
    since = "2015-01-01T00:00:00Z"
    for conversation in sorted(conversations):
        query = f"conversation_id:{conversation}"
        for reply, beside in everything(client.search_all_tweets, query, start_time=since):
            found(str(reply.id), text(reply, beside), "reply" if above(reply) else "post", above(reply))
