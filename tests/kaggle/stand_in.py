"""A small Kaggle on loopback, reached as the real one is: through a proxy that answers CONNECT with TLS.

It keeps what it was asked (`calls`), what was submitted (`submissions`), and misbehaves on demand:
`faults[call]` is a list of faults, one per call, the first first; a call without a fault works. A fault is a
name, or an `Odd` answer; what is made before its answer is lost has `after-` before the name.
"""

import base64
import collections
import contextlib
import csv
import hashlib
import io
import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kernels_stand_in import KernelCalls, KernelsState

API, STORAGE = "api.kaggle.com", "storage.googleapis.com"
USERNAME, KEY, TOKEN = "anna", "5f0c3d7e9b1a4c68b2d4f6a8c0e2a4b6", "KGAT_9d8c7b6a5f4e3d2c1b0a998877665544"
SIGNATURE = "X-Goog-Signature=0123456789abcdef"

ATTACH = "AttachDatasourceUsingJwtRequest"

ANSWERS = {  # fault -> status, content type, body
    "400-limit": (400, {"error": {"code": 400, "message": "You have reached your daily submission limit."}}),
    "400-file": (400, {"code": 400, "message": "The file is not a valid submission."}),
    "400-join": (400, {"code": 400, "message": "You must join the competition first."}),
    "400-other": (400, {"code": 400, "message": "The moon is full."}),
    "401-html": (401, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"),
    "401": (401, {"code": 401, "message": "Unauthenticated: "}),  # and an echo of what was sent
    "403-nested": (403, {"error": {"code": 403, "message": "You must accept this competition's rules."}}),
    "403-flat": (403, {"code": 403, "message": "You must accept this competition's rules."}),
    "403-html": (403, "<html><body>Forbidden</body></html>"),
    "403-xml": (403, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code></Error>"),
    "403-phone": (403, {"code": 403, "message": "Please verify your phone number."}),
    "403-permission": (403, {"code": 403, "message": "Permission 'competitions.get' was denied"}),
    "404": (404, {"code": 404, "message": "Not found"}),
    "429": (429, {"error": {"code": 429, "message": "Too many requests", "status": "RESOURCE_EXHAUSTED"}}),
    "500": (500, {"code": 500, "message": "Internal error"}),
    "503": (503, "<html>Service unavailable</html>"),
    "html": (200, "<!doctype html><title>Please log in</title>"),
    "empty": (200, ""),
}


@dataclass(frozen=True)
class Odd:
    """Any answer at all; `after` the call has done what it does. `short`: with less of the body than announced."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    after: bool = False
    short: bool = False


def make_zip(files, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class StandIn:
    """The site's state, and the server while it runs."""

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.archives, self.uploads, self.submissions = {}, {}, []
        self.calls, self.strangers, self.ranges, self.tunnels = [], [], [], []
        self.resets = 0
        self.blocked = set()  # hosts that the proxy does not let through
        self.faults = collections.defaultdict(list)
        self.verdicts = []  # fields of a submission, one per look; the last one stays
        self.hash, self.allowed, self.listed = "md5", 5, True
        self.late = 0  # answers with a list that do not hold a new submission yet
        self.page = 100  # submissions on a page of the list, at most
        self.teams = [("they", "0.78947"), ("us", "0.77033")]  # the public leaderboard, the best first
        self.zipped = "whole"  # how its csv comes: in the answer, or by "redirect"; "" where it does not come
        self.board_page = 200  # teams on a page, at most
        self.keeps = False  # connections, although it is asked to end them
        self.before_midnight = 0  # submissions that the count of today leaves out
        self.tokens = {TOKEN}
        self.kernels = KernelsState()
        self.stalled, self.closing = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"site": self}))
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def proxy(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def count(self, call):
        return self.calls.count(call)

    def next_fault(self, call):
        with self.lock:
            self.calls.append(call)
            return self.faults[call].pop(0) if self.faults[call] else None

    def submit(self, slug, token, description):
        with self.lock:
            ref = 4000 + len(self.submissions)
            self.submissions.insert(
                0,
                {
                    "ref": ref, "description": description, "fileName": self.uploads[token][0],
                    "status": "PENDING", "teamName": "us", "slug": slug, "bytes": self.uploads[token][1],
                    "totalBytes": len(self.uploads[token][1]), "late": self.late,
                    "date": datetime.now(UTC).replace(tzinfo=None).isoformat() + "Z",
                },
            )  # fmt: skip
            return ref

    def by_hand(self, slug, description="", name="theirs.csv", content=b"theirs"):
        """A submission of somebody else in the team, or through a browser."""
        self.uploads["by hand"] = (name, content)
        return self.submit(slug, "by hand", description)

    def midnight(self):
        self.before_midnight = len(self.submissions)

    def look(self, ref):
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else (self.verdicts or [{}])[0]
        found = next(item for item in self.submissions if item["ref"] == ref)
        return {**{k: v for k, v in found.items() if k not in ("bytes", "slug", "late")}, **verdict}


def unacknowledged(connection):
    """Bytes that were written and have not arrived; 0 where the system is none that says so."""
    if sys.platform != "linux":
        return 0
    import fcntl
    import termios

    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the tests."""


class Handler(KernelCalls, BaseHTTPRequestHandler):
    """One connection: a CONNECT, then requests inside the TLS tunnel."""

    site: StandIn
    host = ""
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *args):
        """Say nothing."""

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.connection.close()

    def parse_request(self):
        whole = super().parse_request()
        self.close_connection = self.close_connection and not self.site.keeps
        return whole

    def do_CONNECT(self):
        host = self.path.rpartition(":")[0]
        self.site.tunnels.append(host)
        if host not in (API, STORAGE):
            self.site.strangers.append(host)
            return self.send_error(403)
        if host in self.site.blocked:
            return self.send_error(403)
        fault = self.site.faults["CONNECT"].pop(0) if self.site.faults["CONNECT"] else None
        if fault:
            return self.send_error(int(fault))
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        try:
            self.connection = self.site.context.wrap_socket(self.connection, server_side=True)
        except OSError:
            self.close_connection = True
            return None
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.host, self.close_connection = host, False
        return None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        call = self.path.rpartition("/")[2]
        fault = self.site.next_fault(call)
        if isinstance(fault, Odd) and fault.after and self.authorized(call):
            self.api(call, json.loads(body), send=False)
        elif isinstance(fault, str) and fault.startswith("after-"):
            self.api(call, json.loads(body), send=False)
            return self.misbehave(fault.removeprefix("after-"))
        if fault:
            return self.misbehave(fault)
        if not self.authorized(call):
            return self.misbehave("401")
        return self.api(call, json.loads(body))

    def authorized(self, call):
        basic = "Basic " + base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()
        given = self.headers.get("Authorization")
        bearers = {f"Bearer {token}" for token in self.site.tokens}
        return call in ("GenerateAccessToken", ATTACH) or given == basic or given in bearers

    def api(self, call, body, send=True):
        work = getattr(self, f"api_{call}", None)
        slug = body.get("competitionName", "")
        if work is None or (slug and slug not in self.site.archives):
            return self.answer(404, ANSWERS["404"][1]) if send else None
        status, answer, headers = work(slug, body)
        return self.answer(status, answer, headers) if send else None

    def api_ListDataFiles(self, slug, body):
        return 200, {"files": [{"name": "train.csv", "totalBytes": 1}]}, None

    def api_DownloadDataFiles(self, slug, body):
        return 302, "", {"Location": f"https://{STORAGE}/{slug}/archive.zip?{SIGNATURE}"}

    api_DownloadDataFile = api_DownloadDataFiles

    def api_GetSubmissionLimits(self, slug, body):
        made = len(self.site.submissions)
        today = made - self.site.before_midnight
        return 200, {"numToday": today, "numTotal": made, "numAllowedNow": self.site.allowed - today}, None

    def api_StartSubmissionUpload(self, slug, body):
        token = f"blob-{len(self.site.uploads)}"
        self.site.uploads[token] = (body["fileName"], b"")
        return 200, {"token": token, "createUrl": f"https://{STORAGE}/upload/{token}?{SIGNATURE}"}, None

    def api_CreateSubmission(self, slug, body):
        ref = self.site.submit(slug, body["blobFileTokens"], body["submissionDescription"])
        return 200, {"message": "Successfully submitted", "ref": ref}, None

    def api_GetSubmission(self, slug, body):
        if not self.site.listed:
            return 404, ANSWERS["404"][1], None
        return 200, self.site.look(body["ref"]), None

    def api_ListSubmissions(self, slug, body):
        found = [item for item in self.site.submissions if item["slug"] == slug and not item["late"]]
        for item in self.site.submissions:
            item["late"] = max(0, item["late"] - 1)
        start = int(body.get("pageToken") or 0)
        end = start + min(self.site.page, body.get("pageSize", 20))
        page = [self.site.look(item["ref"]) for item in (found[start:end] if self.site.listed else [])]
        return 200, {"submissions": page, "nextPageToken": str(end) if end < len(found) else ""}, None

    def api_GetLeaderboard(self, slug, body):
        """The private one, with nobody on it, for who does not ask for the public one."""
        teams = self.site.teams if body.get("overridePublic") else []
        start = int(body.get("pageToken") or 0)
        end = start + min(self.site.board_page, body.get("pageSize", 20))
        page = [{"teamId": n, "teamName": name, "score": score} for n, (name, score) in enumerate(teams)]
        return 200, {"submissions": page[start:end], "nextPageToken": str(end) if end < len(teams) else ""}, None

    def api_DownloadLeaderboard(self, slug, body):
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["Rank", "TeamId", "TeamName", "LastSubmissionDate", "Score", "SubmissionCount"])
        rows.writerows(
            [n, n, name, "2026-02-28 10:00:00", score, 1] for n, (name, score) in enumerate(self.site.teams, 1)
        )
        body = make_zip({f"{slug}-publicleaderboard-2026-02-28T10:00:00.csv": text.getvalue().encode("utf-8-sig")})
        if self.site.zipped == "redirect":
            self.site.archives[f"{slug}-board"] = body
            return 302, "", {"Location": f"https://{STORAGE}/{slug}-board/leaderboard.zip?{SIGNATURE}"}
        return (200, body, None) if self.site.zipped else (404, ANSWERS["404"][1], None)

    def api_GenerateAccessToken(self, slug, body):
        return 200, {"token": TOKEN, "expiresIn": 3600}, None

    def api_AttachDatasourceUsingJwtRequest(self, slug, body):
        """What a Kaggle notebook asks its own proxy, without TLS and with a token of its own."""
        assert self.headers["X-Kaggle-Authorization"] == "Bearer jwt"
        mount = "competitions/" + body["competitionRef"]["CompetitionSlug"]
        return 200, {"wasSuccessful": True, "result": {"mountSlug": mount}}, None

    def do_PUT(self):
        fault = self.site.next_fault("upload")
        length = int(self.headers["Content-Length"])
        if fault == "stall":
            self.rfile.read(length // 2)
            return self.wait_for_end()
        content = self.rfile.read(length)
        if fault:
            return self.misbehave(fault)
        token = re.search(r"/upload/([^?]+)", self.path).group(1)
        assert "Authorization" not in self.headers, "the key went to the storage"
        self.site.uploads[token] = (self.site.uploads[token][0], content)
        return self.answer(200, "")

    def do_GET(self):
        assert "Authorization" not in self.headers, "the key went to the storage"
        fault = self.site.next_fault("storage")
        data = self.site.archives.get(self.path.split("/")[1])
        if data is None and fault is None:
            return self.answer(403, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code></Error>")
        self.site.ranges.append(self.headers.get("Range"))
        if (
            isinstance(fault, Odd)
            or fault in ANSWERS
            or (fault and fault[:3] in ANSWERS)
            or fault in ("drop", "silent")
        ):
            return self.misbehave(fault)
        etag, start = f'"{hashlib.sha256(data).hexdigest()[:16]}"', 0
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        headers = {"Content-Type": "application/zip", "ETag": etag, "Accept-Ranges": "bytes"}
        if self.site.hash == "md5":
            headers["x-goog-hash"] = "md5=" + base64.b64encode(hashlib.md5(data).digest()).decode()
        elif self.site.hash:
            headers["x-goog-hash"] = self.site.hash
        if wanted and self.headers.get("If-Range", etag) == etag and fault != "ignore-range":
            start = int(wanted.group(1))
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return self.send_data(data[start:], 206 if start else 200, headers, fault)

    def send_data(self, data, status, headers, fault):
        if fault == "flip":
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        if fault == "short-without-length":
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(len(data))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        broken = fault in ("short", "short-without-length", "reset", "stall")
        self.wfile.write(data[: len(data) // 2] if broken else data)
        if fault == "reset":
            self.reset()
        elif fault == "stall":
            self.wait_for_end()
        elif broken:
            self.close_connection = True

    def misbehave(self, fault):
        if isinstance(fault, Odd):
            headers = {**dict(fault.headers), "Content-Length": str(len(fault.body) + fault.short)}
            self.close_connection = self.close_connection or fault.short
            return self.send(fault.status, fault.body, headers)
        if fault in ("drop", "reset"):
            return self.reset()
        if fault == "silent":
            return self.wait_for_end()
        name, _, seconds = fault.partition(":")
        status, body = ANSWERS[name]
        if name == "401":
            given = self.headers.get("Authorization", "")
            decoded = base64.b64decode(given.removeprefix("Basic ") if given[:5] == "Basic" else "").decode()
            body = {**body, "message": f"{body['message']} {given} {decoded}"}
        return self.answer(status, body, {"Retry-After": seconds} if seconds else {})

    def answer(self, status, body, headers=None):
        kind = {str: "text/html", bytes: "application/zip"}.get(type(body), "application/json")
        content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        kind = {"Content-Type": kind, "Content-Length": str(len(content))}
        return self.send(status, content, kind | (headers or {}))

    def send(self, status, content, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def reset(self):
        """Drop the connection as a broken line does: with RST, not with a polite end.

        What was written before has arrived by then; else chance would say how much of it is lost.
        """
        ends = time.monotonic() + 20
        while unacknowledged(self.connection) and time.monotonic() < ends and not self.site.closing.wait(0.001):
            pass
        self.site.resets += 1
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def wait_for_end(self):
        """Silence, until the other side has had enough."""
        self.site.stalled.set()
        self.close_connection, ends = True, time.monotonic() + 20
        self.connection.settimeout(0.05)
        while not self.site.closing.is_set() and time.monotonic() < ends:
            try:
                if not self.connection.recv(2**16):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
