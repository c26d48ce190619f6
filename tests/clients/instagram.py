"""python-facebook-api reads Instagram accounts of the sandbox to the end: media, comments and replies."""

from pyfacebook import IGBusinessApi

from reader import ORDER, found

for account in ORDER["accounts"]:
    api = IGBusinessApi(
        access_token=ORDER["token"],
        app_secret=ORDER["app_secret"],
        instagram_business_id=account,
        base_url=ORDER["base"] + "/",
        version=ORDER["version"],
    )

    def everything(node, edge, fields):
        return api.get_full_connections(node, edge, count=None, limit=25, fields=fields)["data"]

    for medium in everything(account, "media", "id,caption,timestamp,media_type,comments_count"):
        found(medium["id"], medium.get("caption", ""), "post")
        for comment in everything(medium["id"], "comments", "id,text,timestamp"):
            found(comment["id"], comment["text"], "comment", medium["id"])
            for reply in everything(comment["id"], "replies", "id,text,timestamp"):
                found(reply["id"], reply["text"], "reply", comment["id"])
