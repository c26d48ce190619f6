"""tweepy reads X accounts of the sandbox to the end: the timeline and every conversation."""

import html

import tweepy

from reader import ORDER, Elsewhere, found

FIELDS = ["text", "author_id", "created_at", "conversation_id", "referenced_tweets", "note_tweet", "entities"]

client = tweepy.Client(bearer_token=ORDER["token"])
client.session.mount("https://", Elsewhere("https://api.twitter.com", ORDER["base"]))


def everything(method, *arguments):
    pages = tweepy.Paginator(
        method, *arguments, max_results=20, tweet_fields=FIELDS, expansions=["referenced_tweets.id"]
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
    for url in (note.get("entities") or tweet.entities or {}).get("urls", []):
        words = words.replace(url["url"], "" if "media_key" in url else url["expanded_url"])
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
    for conversation in sorted(conversations):
        for reply, beside in everything(client.search_all_tweets, f"conversation_id:{conversation}"):
            found(str(reply.id), text(reply, beside), "reply" if above(reply) else "post", above(reply))
