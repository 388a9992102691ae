"""Opens the page of the inventory in headless Chromium: sorts, filters, and checks that it requests nothing.

    inventory_page.py PAGE               runs the checks on a page with hostile names
    inventory_page.py PAGE PICTURE.png   takes a picture of a page instead
"""

import base64
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,1300",
]


class Browser:
    """A headless Chromium, driven through ChromeDriver (W3C WebDriver)."""

    def __init__(self):
        programs = {name: shutil.which(name) for name in ["chromium", "chromedriver"]}
        missing = [name for name, path in programs.items() if not path]
        if missing:
            sys.exit(f"{' and '.join(missing)} missing; on Debian: apt-get install chromium chromium-driver")
        self.folder = tempfile.TemporaryDirectory()
        self.driver = subprocess.Popen([programs["chromedriver"], "--port=0"], stdout=subprocess.PIPE, text=True)
        started = next(line for line in self.driver.stdout if "started successfully on port" in line)
        port = re.search(r"port (\d+)", started)[1]
        self.url = f"http://127.0.0.1:{port}"
        options = {
            "binary": programs["chromium"],
            "args": [*OPTIONS, f"--user-data-dir={self.folder.name}"],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.url += f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": arguments})

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
            self.folder.cleanup()


def column(browser, number):
    """The shown values of a column, from the top."""
    script = """return [...document.querySelectorAll("#keys tbody tr")].filter((row) => !row.hidden)
                .map((row) => row.cells[arguments[0]].dataset.value ?? row.cells[arguments[0]].textContent)"""
    return browser.run(script, number)


def click(browser, title):
    browser.run(
        """[...document.querySelectorAll("#keys th button")].find((button) => button.textContent === arguments[0]).click()""",
        title,
    )


def fill(browser, field, value):
    script = """const field = document.getElementById(arguments[0]); field.value = arguments[1];
                field.dispatchEvent(new Event("input")); field.dispatchEvent(new Event("change"))"""
    browser.run(script, field, value)


def check(holds, what):
    print("  ok    " if holds else "  WRONG ", what)
    return holds


def checks(browser, page):
    rows = len(column(browser, 0))
    yield check(rows > 10, f"the page shows {rows} rows")

    click(browser, "Age in days")
    ages = [int(age) for age in column(browser, 5) if age]
    yield check(len(ages) > 5 and ages == sorted(ages), f"ages are sorted as numbers: {ages}")
    yield check(column(browser, 5)[-1] == "", "rows without a key come last")
    click(browser, "Age in days")
    ages = [int(age) for age in column(browser, 5) if age]
    yield check(ages == sorted(ages, reverse=True), "a second click turns the order")
    yield check(column(browser, 5)[-1] == "", "rows without a key still come last")
    click(browser, "User")
    names = column(browser, 0)
    yield check("alice" in names and names.index("alice") < names.index("legacy"), "names are sorted")

    fill(browser, "filter", "backup OLD")
    yield check(column(browser, 0) == ["backup-agent"], "the filter takes words of any column, in any case")
    fill(browser, "filter", "")
    fill(browser, "finding", "no-mfa")
    yield check(column(browser, 0) == ["dev"], "a finding can be chosen")
    shown = browser.run("return document.getElementById('shown').textContent")
    yield check(shown == f"1 of {rows} rows", f"the number of rows is shown: {shown}")
    fill(browser, "finding", "")
    yield check(len(column(browser, 0)) == rows, "all rows are back")

    points = browser.run("return document.querySelectorAll('svg circle').length")
    yield check(points > 5, f"the plot has {points} keys")
    hostile = "<img src=x onerror=alert(1)>"
    yield check(hostile in column(browser, 0), "a hostile name is text")
    images = browser.run("return document.images.length + document.querySelectorAll('tbody script').length")
    yield check(images == 0, "a hostile name or tag makes no element")

    requests = []
    for entry in browser.log("performance"):
        message = json.loads(entry["message"])["message"]
        # Chromium's own new tab loads files too.
        if message["method"] == "Network.requestWillBeSent" and message["params"]["documentURL"] == page:
            requests.append(message["params"]["request"]["url"])
    yield check(requests == [page], f"the page requests nothing but itself: {requests}")
    # The page may not, even if a script in it tried.
    blocked = browser.run(
        """return new Promise((done) => { document.addEventListener("securitypolicyviolation", (e) => done(e.effectiveDirective));
           const image = new Image(); image.src = "http://127.0.0.1:9/x"; setTimeout(() => done("loaded"), 3000); })"""
    )
    yield check(blocked == "img-src", f"its security policy blocks what it does not contain: {blocked}")
    errors = [entry["message"] for entry in browser.log("browser") if "127.0.0.1:9" not in entry["message"]]
    yield check(errors == [], f"the script has no error: {errors}")


def main():
    page = pathlib.Path(sys.argv[1]).resolve().as_uri()
    browser = Browser()
    try:
        browser.call("POST", "/url", {"url": page})
        if len(sys.argv) > 2:
            pathlib.Path(sys.argv[2]).write_bytes(base64.b64decode(browser.call("GET", "/screenshot")))
            return True
        # All checks run, also after one that fails.
        return all(list(checks(browser, page)))
    finally:
        browser.close()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
