"""python-facebook-api reads pages of the sandbox to the end: posts, visitors' posts, comments and replies."""

from pyfacebook import FacebookApi

from reader import ORDER, found


def client(token):
    return FacebookApi(
        access_token=token, app_secret=ORDER["app_secret"], base_url=ORDER["base"] + "/", version=ORDER["version"]
    )


def everything(api, node, edge, **fields):
    return api.get_full_connections(node, edge, count=None, limit=25, **fields)["data"]


for page in ORDER["accounts"]:
    token = client(ORDER["token"]).get_object(page, fields="access_token")["access_token"]
    api = client(token)
    for post in everything(api, page, "feed", fields="id,message,created_time,from"):
        found(post["id"], post.get("message", ""), "post")
        for comment in everything(
            api, post["id"], "comments", filter="stream", fields="id,message,created_time,from,parent{id}"
        ):
            parent = comment.get("parent", {}).get("id")
            found(comment["id"], comment.get("message", ""), "reply" if parent else "comment", parent or post["id"])
