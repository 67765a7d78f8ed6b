"""The kernels of the stand-in for Kaggle: what is pushed is kept, and comes to its end in `states`."""

import json

STORAGE, SIGNATURE = "storage.googleapis.com", "X-Goog-Signature=0123456789abcdef"
WHOLE = (("QUEUED", ""), ("RUNNING", ""), ("COMPLETE", ""))


class KernelsState:
    """One account's kernels; `on_push(text)` gives the output's files of a script by their paths."""

    def __init__(self):
        self.pushes = []  # bodies of SaveKernel, all of them
        self.states = list(WHOLE)  # one per look, the last one stays; QUEUED is left out, as a default is
        self.quota = {"timeUsed": "36000s", "timeReserved": "3600s", "totalTimeAllowed": "108000s"}
        self.refresh = "2026-03-07T00:00:00Z"
        self.on_push = lambda _text: {}
        self.output = {}
        self.late = None  # the output of a push, where it takes the place of the one before only when it runs
        self.log, self.live = [], []  # what was printed in the end, and what is there at each look at the stream
        self.said = {}  # more of SaveKernel's answer
        self.page = 3  # files on a page
        self.lost = set()  # files that are not listed
        self.looks = 0
        self.deleted = set()  # references of scripts that were deleted there; a push makes one anew

    def version(self, ref):
        return 0 if ref in self.deleted else sum(body["slug"] == ref for body in self.pushes)

    def newest(self, ref):
        return [body for body in self.pushes if body["slug"] == ref][-1]


def ref_in(body):
    return f"{body['userName']}/{body['kernelSlug']}"


class KernelCalls:
    """The answers, by call; part of the stand-in's handler."""

    def api_GetAcceleratorQuotaStatistics(self, slug, body):  # noqa: N802
        kernels = self.site.kernels
        return 200, {"gpuQuota": kernels.quota, "quotaRefreshTime": kernels.refresh} if kernels.quota else {}, None

    def api_SaveKernel(self, slug, body):  # noqa: N802
        kernels = self.site.kernels
        if kernels.said.get("error"):
            return 200, kernels.said, None
        kernels.pushes.append(body)
        kernels.deleted.discard(body["slug"])
        output = kernels.on_push(body["text"])
        kernels.output, kernels.late = (output, None) if kernels.late is None else (kernels.output, output)
        version = kernels.version(body["slug"])
        url = f"https://www.kaggle.com/code/{body['slug']}"
        return 200, {"ref": f"/code/{body['slug']}", "url": url, "versionNumber": version, **kernels.said}, None

    def api_GetKernel(self, slug, body):  # noqa: N802
        kernels, ref = self.site.kernels, ref_in(body)
        if not kernels.version(ref):
            return 403, {"code": 403, "message": "Permission 'kernels.get' was denied"}, None
        about = {"ref": ref, "currentVersionNumber": kernels.version(ref)}
        return 200, {"metadata": about, "blob": {"source": kernels.newest(ref)["text"]}}, None

    def api_GetKernelSessionStatus(self, slug, body):  # noqa: N802
        kernels = self.site.kernels
        if not kernels.version(ref_in(body)):
            return 403, {"code": 403, "message": "Permission 'kernels.get' was denied"}, None
        kernels.looks += 1
        status, failure = kernels.states.pop(0) if len(kernels.states) > 1 else kernels.states[0]
        if status == "RUNNING" and kernels.late:
            kernels.output = kernels.late
        said = {"status": status} if status != "QUEUED" else {}
        return 200, said | ({"failureMessage": failure} if failure else {}), None

    def api_GetKernelSessionLogsStream(self, slug, body):  # noqa: N802
        kernels = self.site.kernels
        if not kernels.live:
            return 404, {"code": 404, "message": "Not found"}, None
        lines = kernels.live.pop(0) if len(kernels.live) > 1 else kernels.live[0]
        events = [json.dumps({"stream_name": "stdout", "time": 1.0, "data": f"{line}\n"}) for line in lines]
        return 200, "".join(f"data: {event}\n\n" for event in events) + "data: END_OF_LOG\n\n", None

    def api_ListKernelSessionOutput(self, slug, body):  # noqa: N802
        kernels = self.site.kernels
        if not kernels.version(ref_in(body)):
            return 403, {"code": 403, "message": "Permission 'kernels.get' was denied"}, None
        names = sorted(set(kernels.output) - kernels.lost)
        start = int(body.get("pageToken") or 0)
        shown = names[start : start + kernels.page]
        for name in shown:
            self.site.archives[f"kernel-{names.index(name)}"] = kernels.output[name]
        files = [
            {"fileName": name, "url": f"https://{STORAGE}/kernel-{names.index(name)}/{start}?{SIGNATURE}"}
            for name in shown
        ]
        more = {"nextPageToken": str(start + kernels.page)} if start + kernels.page < len(names) else {}
        log = json.dumps([{"stream_name": "stdout", "time": 1.0, "data": f"{line}\n"} for line in kernels.log])
        return 200, {"files": files, "log": log, **more}, None

    def api_IntrospectToken(self, slug, body):  # noqa: N802
        known = body["token"] in self.site.tokens
        return 200, {"active": known, **({"username": "anna"} if known else {})}, None
