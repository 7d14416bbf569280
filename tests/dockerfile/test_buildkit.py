"""A Dockerfile is read as BuildKit reads it: what the parser takes for an instruction is one, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from image_harness.dockerfile import Dockerfile, parse_dockerfile
from image_harness.dockerfile.words import environment
from image_harness.errors import HarnessError

pytestmark = pytest.mark.engine

TAG = f"image-harness-test/dockerfile:{os.getpid()}"


def built(path: Path) -> dict[str, Any] | None:
    """The configuration of what BuildKit makes of a Dockerfile; None where it refuses it."""
    command: list[str | Path] = ["docker", "buildx", "build", "--builder", "default", "--quiet", "--tag", TAG]
    done = subprocess.run(
        [*command, "--file", path, path.parent], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        assert "failed to solve" in done.stderr, done.stderr
        return None
    inspected = subprocess.run(["docker", "image", "inspect", TAG], capture_output=True, timeout=60, check=True).stdout
    subprocess.run(["docker", "image", "rm", "--force", TAG], capture_output=True, timeout=60, check=True)
    config: dict[str, Any] = json.loads(inspected)[0]["Config"]
    return config


def said(dockerfile: Dockerfile) -> dict[str, object]:
    """What the parser found of the same things."""
    final = dockerfile.final
    user, command = final.last("USER"), final.last("CMD")
    return {
        "User": user.text if user else "",
        "Labels": dict(pair for label in final.all("LABEL") for pair in environment(label.text)),
        "Env": [f"{name}={value}" for env in final.all("ENV") for name, value in environment(env.text)],
        "Cmd": list(command.exec_form or ("/bin/sh", "-c", command.text)) if command else [],
    }


ACCEPTED = {
    "a continuation": b"LABEL a=x \\\n b=y\nUSER 5\n",
    "an escaped escape continues nothing": b"LABEL a=x\\\\\nUSER 5\n",
    "a continuation with blanks behind it": b"LABEL a=x \\ \t\n b=y\nUSER 5\n",
    "continuations alone": b"LABEL \\\n\\\n a=x\nUSER 5\n",
    "a continuation at the end": b"USER 5\\",
    "a comment in a continuation": b"LABEL a=x \\\n# c \\\n b=y\nUSER 5\n",
    "a vertical tab ends no line": b"# x\x0bUSER 5\nLABEL a=b\n",
    "a form feed ends no line": b"# x\x0cUSER 5\nLABEL a=b\n",
    "a carriage return ends no line": b"# x\rUSER 5\nLABEL a=b\n",
    "a line separator ends no line": b"# x\xe2\x80\xa8USER 5\nLABEL a=b\n",
    "a next line ends no line": b"# x\xc2\x85USER 5\nLABEL a=b\n",
    "lines end with two characters": b"LABEL a=x \\\r\n b=y\r\nCOPY <<EOF /x\r\nUSER 5\r\nEOF\r\nUSER 6\r\n",
    "a vertical tab stands behind a keyword": b"USER\x0b5\n",
    "tabs": b"USER\t5\nENV A\tb c\n",
    "an instruction may be indented": b"  USER 5\n  # USER 6\n",
    "keywords in any case": b"user 5\nlabel a=b\n",
    "a stage of its own": b"USER 5\nLABEL a=b\nFROM scratch\nLABEL c=d\n",
    "a document": b"COPY <<EOF /x\nUSER 5\nEOF\n",
    "a document of a number and another name": b"COPY 3<<E.F /x\nUSER 5\nE.F\n",
    "no document in a label": b"LABEL a=<<EOF\nUSER 5\n",
    "a JSON list": b'CMD   ["a\\u0062", "\\/"]  \n',
    "a JSON list and more": b'CMD ["a"] ["b"]\n',
    "blanks of all kinds": b"LABEL c=d\x0ba=b\xc2\xa0e=f\nENV a \xc2\xa0b\n",
    "a list that is no JSON": b'CMD ["a",]\n',
    "quotes of the old form": b"ENV 'NA'ME a  \"b c\" d\\e ''\nLABEL a \"b\"\n",
    "quotes": b"LABEL a=\"b c\" d='e f' g=h\\ i\nUSER 5\n",
}
REFUSED = {
    "a quote that does not end": b'ENV A="x\n',
    "a quote of the old form that does not end": b"ENV A it's\n",
    "a word that sets nothing": b"LABEL a=x b\n",
    "a name that ends within a quote": b"ENV 'A '\n",
    "a label whose quote does not end": b'LABEL a="x\n',
    "a blank that is none": b"USER\xc2\xa05\n",
    "what only looks like a document": b"COPY a<<EOF /\nUSER 5\nEOF\n",
    "a text of a shell's own": b"COPY <<<EOF /\nUSER 5\nEOF\n",
    "a quoted document": b'COPY "<<EOF" /\nUSER 5\nEOF\n',
    "a JSON list of a number": b'CMD ["a", 1]\n',
}
BEGINNINGS = {
    "a mark of the byte order": b"\xef\xbb\xbfFROM scratch\nUSER 5\n",
    "an argument whose quote does not end": b'ARG A="x\nFROM scratch\nUSER 5\n',
    "another escape": b"  # escape = `  \nFROM scratch\nLABEL a=x `\n b=y\nUSER 5\n",
    "no directive after another line": b"\n# escape=`\nFROM scratch\nLABEL a=x \\\n b=y\nUSER 5\n",
}


@pytest.mark.parametrize("content", [*(b"FROM scratch\n" + one for one in ACCEPTED.values()), *BEGINNINGS.values()])
def test_what_buildkit_builds_is_what_was_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(content)
    config = built(path)
    assert config is not None
    of_buildkit = {
        "User": config["User"],
        "Labels": config.get("Labels") or {},
        "Env": [pair for pair in config["Env"] if not pair.startswith("PATH=")],
        "Cmd": config.get("Cmd") or [],
    }
    assert said(parse_dockerfile(path)) == of_buildkit


@pytest.mark.parametrize(
    "content", [b"FROM scratch\n" + one for one in REFUSED.values()] + [b"# escape=x\nFROM scratch\n"]
)
def test_what_buildkit_refuses_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(content)
    assert built(path) is None
    with pytest.raises(HarnessError) as caught:
        parse_dockerfile(path)
    assert str(caught.value).startswith(f"{path}:")
