"""The site builds without a warning, its links lead somewhere, and its figures load in a browser.

``DOCS_HTML=docs/_build/html`` takes a site that is built already.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from queue import Queue
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    if "DOCS_HTML" in os.environ:
        return Path(os.environ["DOCS_HTML"]).resolve()
    if find_spec("sphinx") is None:
        pytest.skip("Sphinx is not installed")
    out = tmp_path_factory.mktemp("docs") / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, ROOT / "docs", out], cwd=ROOT, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return out


class Page(HTMLParser):
    """Links of a page, and what can be linked to in it."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.names = {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.links += [found[key] for key in ("href", "src") if found.get(key)]
        self.names |= {found[key] for key in ("id", "name") if found.get(key)}


def test_every_internal_link_leads_somewhere(site):
    pages = {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    assert len(pages) > 30
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages[target].names if target in pages else {"", unquote(parts.fragment)}
            if not target.exists() or unquote(parts.fragment) not in known:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


#: Opens every page in a frame and sends back which figures have pixels and which have none.
LOOK = """<!DOCTYPE html><body><script>
async function look(page, found) {
    const frame = document.createElement("iframe");
    frame.src = page;
    document.body.append(frame);
    await new Promise(done => frame.onload = done);
    for (const image of frame.contentDocument.images) {
        image.loading = "eager";
        await image.decode().catch(() => null);
        found[image.naturalWidth > 0 ? "loaded" : "broken"].push(page + " " + image.src);
    }
    frame.remove();
}
(async () => {
    const found = {loaded: [], broken: []};
    for (const page of PAGES) await look(page, found);
    fetch("/found", {method: "POST", body: JSON.stringify(found)});
})();
</script></body>"""


class Server(SimpleHTTPRequestHandler):
    """Serves a folder and the page ``/look``; what that finds goes into the queue."""

    def __init__(self, *args, look: str, found: Queue, **more):
        self.look, self.found = look, found
        super().__init__(*args, **more)

    def do_GET(self) -> None:
        if self.path != "/look":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.look.encode())

    def do_POST(self) -> None:
        self.found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


@pytest.mark.skipif(BROWSER is None, reason="chromium is not on PATH")
def test_every_figure_loads_in_a_browser(site, tmp_path):
    found: Queue = Queue()
    pages = [f"/{path.relative_to(site)}" for path in site.rglob("*.html")]
    look = LOOK.replace("PAGES", json.dumps(pages))
    handler = partial(Server, directory=site, look=look, found=found)
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                *command,
                f"--user-data-dir={tmp_path}",
                f"http://127.0.0.1:{server.server_port}/look",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            images = found.get(timeout=120)
        finally:
            browser.terminate()
            browser.wait(timeout=30)
            server.shutdown()
    assert images["broken"] == []
    assert len(images["loaded"]) > 8
