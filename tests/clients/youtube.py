"""google-api-python-client reads channels of the sandbox to the end: videos, comment threads and all replies."""

from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from reader import ORDER, found

api = build(
    "youtube", "v3", developerKey=ORDER["token"], static_discovery=True, client_options={"api_endpoint": ORDER["base"]}
)


def everything(collection, **parameters):
    request = collection.list(**parameters)
    while request is not None:
        answer = request.execute()
        yield from answer["items"]
        request = collection.list_next(request, answer)


def comments(video):
    threads = everything(
        api.commentThreads(), part="id,snippet,replies", videoId=video, maxResults=50, textFormat="plainText"
    )
    try:
        yield from threads
    except HttpError as error:
        # A video whose comments are off says so with an error; that is its state, not a failure.
        if error.error_details[0]["reason"] != "commentsDisabled":
            raise


for channel in ORDER["accounts"]:
    facts = api.channels().list(part="snippet,contentDetails", id=channel).execute()["items"][0]
    uploads = facts["contentDetails"]["relatedPlaylists"]["uploads"]
    videos = [entry["contentDetails"]["videoId"] for entry in everything(
        api.playlistItems(), part="snippet,contentDetails", playlistId=uploads, maxResults=50
    )]
    for start in range(0, len(videos), 50):
        batch = api.videos().list(part="snippet,statistics,status", id=",".join(videos[start : start + 50])).execute()
        for video in batch["items"]:
            # A title holds a hundred characters; the rest is the description.
            words = [video["snippet"]["title"], video["snippet"]["description"]]
            found(video["id"], " ".join(filter(None, words)), "video")
            for thread in comments(video["id"]):
                top = thread["snippet"]["topLevelComment"]
                found(top["id"], top["snippet"]["textDisplay"], "comment", video["id"])
                if thread["snippet"]["totalReplyCount"]:
                    for reply in everything(
                        api.comments(), part="id,snippet", parentId=thread["id"], maxResults=50, textFormat="plainText"
                    ):
                        found(reply["id"], reply["snippet"]["textDisplay"], "reply", top["id"])
