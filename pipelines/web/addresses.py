"""Addresses: how one is shown, whatever secret it holds, and what is wrong with a proxy or its certificates."""

import os
import re
import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from urllib.parse import unquote

PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # in the order in which requests looks at them
SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
SCHEME = re.compile(rf"(?:{'|'.join(SCHEMES)}|socks|ftp)://", re.IGNORECASE)
PLACE = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?P<port>:[0-9]{1,5}|:(?=/?$))?(?P<rest>[/?#].*)?",
    re.DOTALL,
)
SOLD = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,5}[:\s,;|]")  # host:port:user:password, as sellers of proxies write it
WRAPPING = " \t\r\n\"'"
FORM = "http://host:port or http://user:password@host:port"


def shown(address: str) -> str:
    """An address as it may be printed: scheme, host and port. Whatever else stands in it is `***`.

    A password holds any character, and people leave out `http://`: what cannot be told from a secret is not shown.

    >>> shown("http://anna:secret@proxy:8080"), shown("anna:se#cr@et@proxy:8080"), shown("https://host/file?signed=1")
    ('http://***@proxy:8080', '***@proxy:8080', 'https://host/***')
    >>> shown("proxy:8080:anna:secret"), shown("http://proxy:8080/")
    ('***', 'http://proxy:8080')
    """
    scheme, rest = _split(address.strip(WRAPPING))
    hidden, at, place = rest.rpartition("@")
    found = PLACE.fullmatch(place)
    # The last @ of `anna:se#cr@et@proxy:8080` stands before the host, that of `host/file?by=anna@home` does not.
    before, more, _ = re.split(r"([/?#])", hidden, maxsplit=1) if re.search(r"[/?#]", hidden) else (hidden, "", "")
    if found is None or SOLD.match(hidden) or (more and PLACE.fullmatch(before)):
        return f"{scheme}***"
    port, more = (found["port"] or "").rstrip(":"), "/***" if (found["rest"] or "/") != "/" else ""
    return f"{scheme}{'***@' if at else ''}{found['host']}{port}{more}"


def without_secrets(text: str) -> str:
    """Text from elsewhere, with the addresses in it as `shown` has them, if they can hold a secret.

    A password may hold a blank: what stands from `scheme://` to the last @ before another `://` is one address.

    >>> without_secrets("see https://www.kaggle.com/rules; not through http://anna:secret@proxy:8080")
    'see https://www.kaggle.com/rules; not through http://***@proxy:8080'
    """

    def clean(found: re.Match[str]) -> str:
        """A word, or an address with the blanks in it, as it may be shown."""
        word = found[0]
        if not ("://" in word or {"@", ":"} <= set(word)):
            return word
        whole = PLACE.fullmatch(_split(word.strip("([<'\".,;:!)]>"))[1])
        return shown(word) if whole is None or "@" in word or "?" in word else word

    return re.sub(r"\S*?://(?:(?!://).)*@\S+|\S+", clean, text, flags=re.DOTALL)


def host_of(address: str) -> str:
    """The host of an address, for a sentence."""
    place = PLACE.match(_split(address)[1].rpartition("@")[2])
    return place["host"] if place else "the server"


def _split(address: str) -> tuple[str, str]:
    scheme = SCHEME.match(address)
    return (scheme[0], address[scheme.end() :]) if scheme else ("", address)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a setting, and the next step in English and Chinese."""

    what: str
    step: str
    step_zh: str


def proxy_for(url: str) -> tuple[str, str] | None:
    """The setting that sends requests to `url` through a proxy, and its value; None where none does."""
    from requests.utils import get_environ_proxies, select_proxy

    try:
        address = select_proxy(url, get_environ_proxies(url))
    except ValueError:  # `url` is no address
        return None
    if not address:
        return None
    return next((name for name in PROXIES if os.environ.get(name) == address), "the system's proxy"), address


def proxy_fault(address: str) -> Fault | None:
    """What makes a proxy's address unusable, as far as that can be seen in it.

    >>> proxy_fault("localhost:8080").what, proxy_fault("http://localhost:8080")
    ('http:// is missing in front', None)
    """
    scheme, rest = _split(address)
    secret, _, place = rest.rpartition("@")
    found = PLACE.fullmatch(place)
    if address != address.strip(WRAPPING):
        return _malformed("quotes or blanks stand around it")
    if re.search(r"[/?#\[\]]", secret):
        return Fault(
            "its user or password holds characters that end an address",
            "write them as %XX: # %23, / %2F, ? %3F, @ %40, [ %5B, ] %5D, % %25",
            "用户名或密码中的特殊字符请写成 %XX：# %23、/ %2F、? %3F、@ %40、[ %5B、] %5D、% %25",
        )
    if any(ord(letter) > 255 for letter in unquote(secret)):
        return Fault(
            "its user or password holds letters that cannot be sent to a proxy",
            "ask whoever runs the proxy for a user and password in Latin letters",
            "请向代理管理员申请只含拉丁字母的用户名和密码",
        )
    if scheme.lower() in ("socks://", "ftp://") or (not scheme and "://" in address):
        return Fault(
            f"{scheme or 'what stands before ://'} is no kind of proxy",
            "begin it with http://, or with socks5h:// if it is a SOCKS proxy; or unset it",
            "请以 http:// 开头（SOCKS 代理以 socks5h:// 开头），或取消设置",
        )
    if not scheme and re.match(r"[A-Za-z][A-Za-z0-9+-]*:", address) and found:
        return _malformed("http:// is missing in front")
    if (
        found is None
        or int(f"0{(found['port'] or ':')[1:]}") > 65535
        or (not scheme and found["rest"] not in (None, "/"))
    ):
        return _malformed("it is not an address")
    if scheme.lower().startswith("socks") and find_spec("socks") is None:
        return Fault(
            "a SOCKS proxy needs the package PySocks, which is not installed",
            "use the http:// port of the same proxy, if it has one; or, with https_proxy and all_proxy unset because "
            "pip cannot use them either: python -m pip install pysocks",
            "若该代理也有 http:// 端口，请改用它；或先取消 https_proxy 和 all_proxy（pip 同样无法使用），"
            "再执行 python -m pip install pysocks",
        )
    return None


def _malformed(what: str) -> Fault:
    return Fault(what, f"write it as {FORM}, or unset it", f"请写成 {FORM.replace(' or ', ' 或 ')}，或取消设置")


def bundle_fault(path: str) -> Fault | None:
    """What makes a file or folder of certificates unusable."""
    file = Path(path)
    step = "point it to the proxy's certificate as a text file (PEM), or unset it"
    step_zh = "请指向代理证书的文本文件（PEM 格式），或取消设置"
    try:
        if file.is_dir():
            hashed = any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", entry.name) for entry in file.iterdir())
            return None if hashed else Fault("a folder without certificates named by hash", step, step_zh)
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError | ValueError)
        return Fault("which is not there" if missing else "which cannot be read", step, step_zh)
    if _loads(cafile=path):
        return None
    if content and _loads(cadata=content):
        convert = f"openssl x509 -inform der -in {quote(path)} -out ca.pem"
        return Fault(
            "which is in DER form, not PEM", f"{convert}, then point it to ca.pem", f"请执行 {convert}，再指向 ca.pem"
        )
    return Fault("which is empty" if not content.strip() else "which holds no certificate in PEM form", step, step_zh)


def _loads(**certificates: str | bytes) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**certificates)
    except (OSError, ValueError):
        return False
    return True


def way_fault(url: str) -> Fault | None:
    """What is wrong with the settings that requests to `url` use; secrets are not shown."""
    proxy = proxy_for(url)
    fault = proxy_fault(proxy[1]) if proxy else None
    if proxy and fault:
        return Fault(f"{proxy[0]}={shown(proxy[1])}: {fault.what}", fault.step, fault.step_zh)
    name = next((name for name in BUNDLES if os.environ.get(name)), None)
    fault = bundle_fault(os.environ[name]) if name else None
    if name and fault:
        return Fault(f"{name}={without_secrets(os.environ[name])}, {fault.what}", fault.step, fault.step_zh)
    return None
