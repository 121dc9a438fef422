"""A browser whose screen can be told its size, and which can be asked: Chromium, by its protocol over a pair of pipes."""
import base64
import json
import os
import subprocess
import tempfile
import time

from harness.testing import Failed, need

BY_PIPE = 'exec "$@" 3<&{0} 4>&{1}'


class Browser:
    """One page, on a screen of so many pixels; a phone's if `mobile`."""

    def __init__(self, url, size, dark=False, mobile=False):
        self.url, self.size, self.dark, self.mobile = url, size, dark, mobile
        self.count, self.got = 0, b""

    def __enter__(self):
        browser = need("chromium", "chromium")
        self.home = tempfile.TemporaryDirectory()
        to_read, self.to = os.pipe()
        self.of, to_write = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                   "--remote-debugging-pipe", f"--user-data-dir={self.home.name}"]
        self.process = subprocess.Popen(["bash", "-c", BY_PIPE.format(to_read, to_write), "bash", browser, *options, "about:blank"],
                                        pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "HOME": self.home.name, "LC_ALL": "C.UTF-8"})
        os.close(to_read)
        os.close(to_write)
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.close(self.to)
        os.close(self.of)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.home.cleanup()

    def _open(self):
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Emulation.setDeviceMetricsOverride", width=self.size[0], height=self.size[1], deviceScaleFactor=1, mobile=self.mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Page.navigate", url=self.url)

    def _call(self, method, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if not method.startswith("Target."):
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.got:
                part = os.read(self.of, 1 << 20)
                if not part:
                    raise Failed("the browser has ended")
                self.got += part
            answer, self.got = self.got.split(b"\0", 1)
            answer = json.loads(answer)
            if answer.get("id") == self.count:
                return answer["result"]

    def value(self, expression):
        """Of JavaScript, as JSON knows it; None if it throws, as while the page is loaded."""
        return json.loads(self._call("Runtime.evaluate", expression=f"JSON.stringify({expression})")["result"].get("value", "null"))

    def until(self, expression, seconds=20):
        deadline = time.monotonic() + seconds
        while not self.value(f"!!({expression})"):
            if time.monotonic() > deadline:
                raise Failed(f"never: {expression}")
            time.sleep(0.1)

    def picture(self, path):
        """Of all of the page, beyond the screen as well."""
        with open(path, "wb") as f:
            f.write(base64.b64decode(self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]))
