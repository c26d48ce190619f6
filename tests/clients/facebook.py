"""python-facebook-api reads pages of the sandbox to the end: posts, visitors' posts, comments and replies, those under pictures too."""

from collections import Counter

from pyfacebook import FacebookApi

from reader import ORDER, found


def client(token):
    return FacebookApi(
        access_token=token, app_secret=ORDER["app_secret"], base_url=ORDER["base"] + "/", version=ORDER["version"]
    )


def everything(api, node, edge, **fields):
    return api.get_full_connections(node, edge, count=None, limit=25, **fields)["data"]


def comments(api, under):
    for comment in everything(api, under, "comments", filter="stream", fields="id,message,created_time,from,parent{id}"):
        parent = comment.get("parent", {}).get("id")
        found(comment["id"], comment.get("message", ""), "reply" if parent else "comment", parent or under)


for page in ORDER["accounts"]:
    token = client(ORDER["token"]).get_object(page, fields="access_token")["access_token"]
    api = client(token)
    for post in everything(api, page, "feed", fields="id,message,created_time,from"):
        found(post["id"], post.get("message", ""), "post")
        comments(api, post["id"])
    # The pictures of an album have comments of their own; a single picture's are the post's.
    photos = everything(api, page, "photos", type="uploaded", fields="id,page_story_id")
    pictures = Counter(photo.get("page_story_id") for photo in photos)
    for photo in photos:
        if photo.get("page_story_id") and pictures[photo["page_story_id"]] > 1:
            comments(api, photo["id"])
