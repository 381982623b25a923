"""Apache with the prefork MPM: a parent forks servers that share its memory, each serves some requests.

python apache_prefork.py FOLDER [--requests N]
"""

from __future__ import annotations

import argparse
import http.client
import socket
import subprocess
import time
from pathlib import Path

MODULES = Path("/usr/lib/apache2/modules")
CONFIG = """
ServerRoot "{folder}"
ServerName localhost
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
DocumentRoot "{folder}/www"
Listen 127.0.0.1:{port}
User www-data
Group www-data
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
StartServers 3
MinSpareServers 2
MaxSpareServers 3
MaxRequestWorkers 4
MaxConnectionsPerChild 20
"""


def free_port() -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int) -> int:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/page.html")
    size = len(connection.getresponse().read())
    connection.close()
    return size


def run(folder: Path, requests: int = 120) -> None:
    """Start the server, fetch one page ``requests`` times, stop it."""
    (folder / "www").mkdir(exist_ok=True)
    (folder / "www/page.html").write_text("<p>copy on write</p>\n" * 500)
    port = free_port()
    config = folder / "apache.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, modules=MODULES))
    # A session of its own: Apache ends its children by a signal to the whole process group.
    with subprocess.Popen(["apache2", "-DFOREGROUND", "-f", str(config)], start_new_session=True) as server:
        try:
            for _ in range(500):
                try:
                    get(port)
                    break
                except OSError:
                    if server.poll() is not None:
                        raise RuntimeError(f"apache2 ended with {server.returncode}") from None
                    time.sleep(0.01)
            for _ in range(requests):
                get(port)
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--requests", type=int, default=120)
    run(**vars(parser.parse_args()))
