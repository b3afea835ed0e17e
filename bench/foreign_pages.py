"""Requests as web pages send them, to a server that listens on this computer alone.

    python -m bench.foreign_pages [--record]

A page in the browser can reach servers on 127.0.0.1: with its own Origin, or, after its name was
made to resolve to 127.0.0.1, with its own Host. Each route is asked in each of these ways, and once
as a program of this computer asks. Counts of refusals; the real server with the demo model.
"""

import argparse
import tempfile
from pathlib import Path

from bench.recording import Figure, record
from bench.serving import serving

ORIGINS = ("https://evil.example", "http://127.0.0.1.evil.example", "null")
FOREIGN = (
    *({"Origin": origin} for origin in ORIGINS),
    {"Host": "evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
)


def main() -> None:
    """Ask every route in every way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    refused, asked, own = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as client:
        paths = client.get("/openapi.json").json()["paths"]
        routes = [(way, path) for path, ways in paths.items() for way in ways]
        for way, path in routes:
            for headers in FOREIGN:
                asked += 1
                refused += client.request(way, path, headers=headers).status_code == 403
            own += client.request(way, path).status_code != 403
    print(
        f"{refused} of {asked} requests of foreign pages refused; {own} of {len(routes)} own taken"
    )
    if arguments.record:
        figures = (
            Figure("requests from foreign web pages that are refused", f"{refused} of {asked}"),
            Figure("the same routes, asked by a program", f"{own} of {len(routes)} admitted"),
        )
        record(
            "foreign_pages", "Web pages cannot use the local server", figures,
            command="python -m bench.foreign_pages --record",
            note="Foreign Origin headers, and foreign Host headers as after DNS rebinding.",
        )  # fmt: skip


if __name__ == "__main__":
    main()
