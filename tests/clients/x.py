"""tweepy reads X accounts of the sandbox to the end: the timeline and every conversation."""

import tweepy

from reader import ORDER, Elsewhere, found

FIELDS = ["text", "author_id", "created_at", "conversation_id", "referenced_tweets", "note_tweet"]

client = tweepy.Client(bearer_token=ORDER["token"])
client.session.mount("https://", Elsewhere("https://api.twitter.com", ORDER["base"]))


def text(tweet):
    return (tweet.note_tweet or {}).get("text", tweet.text)


def above(tweet):
    return next((str(other.id) for other in tweet.referenced_tweets or [] if other.type == "replied_to"), None)


for handle in ORDER["accounts"]:
    user = client.get_user(username=handle).data
    conversations = set()
    for tweet in tweepy.Paginator(client.get_users_tweets, user.id, max_results=20, tweet_fields=FIELDS).flatten():
        found(str(tweet.id), text(tweet), "reply" if above(tweet) else "post", above(tweet))
        conversations.add(tweet.conversation_id)
    for conversation in sorted(conversations):
        for reply in tweepy.Paginator(
            client.search_all_tweets, f"conversation_id:{conversation}", max_results=20, tweet_fields=FIELDS
        ).flatten():
            found(str(reply.id), text(reply), "reply", above(reply))
