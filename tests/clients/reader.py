"""What the client scripts share: the order comes as JSON on standard input, each item found leaves as a line of JSON."""

import json
import sys

from requests.adapters import HTTPAdapter

ORDER = json.load(sys.stdin)


def found(item, text, kind, parent=None, **more):
    print(json.dumps({"id": item, "text": text, "kind": kind, "parent": parent, **more}), flush=True)


class Elsewhere(HTTPAdapter):
    """For clients whose host is hard-wired: same request, other host, nothing else changed."""

    def __init__(self, host, base):
        super().__init__()
        self.host, self.base = host, base

    def send(self, request, **kwargs):
        request.url = request.url.replace(self.host, self.base, 1)
        return super().send(request, **kwargs)
