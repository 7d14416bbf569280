"""What the Dockerfile's first stage installs with apt-get."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, docker, mutant


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _apt(good.design)
    yield from _second_installations()
    yield from _otherwise()


def _apt(design: Design) -> Iterator[Mutant]:
    second = "RUN apt-get install -y --no-install-recommends git\n\nRUN echo"
    yield docker(
        "apt.second-block", "a second RUN installs with apt-get", "builder.apt.single-block", "RUN echo", second, nth=0
    )
    yield docker(
        "apt.second-command",
        "a second RUN installs after another command",
        ["builder.apt.single-block", "builder.apt.no-recommends"],
        "RUN mkdir -p",
        "RUN true && apt-get install -y git && mkdir -p",
        nth=0,
    )
    for item in design.collection("dockerfile.apt_packages"):
        kills, end = f"builder.apt.package.{item.slug}", " \\\n"
        old = f"        {item.value}{end}"
        misses = {
            "absent": "",
            "longer": f"        {item.value}-doc{end}",
            "case": f"        {item.value.upper()}{end}",
            "pinned": f"        {item.value}=1{end}",
            "comment": f"#       {item.value}{end}",
        }
        for miss, text in misses.items():
            yield docker(
                f"apt.{item.slug}.{miss}",
                f"the builder installs {text.strip() or 'no ' + item.value}",
                kills,
                old,
                text,
            )

        def echoed(draft: Draft, old: str = old, end: str = end, name: str = item.value) -> None:
            draft.docker(old, f"        true{end}")
            draft.docker("&& apt-get clean", f"&& echo {name} && apt-get clean")

        yield mutant(f"apt.{item.slug}.echoed", f"{item.value} is printed, not installed", kills, echoed)
    for item in design.collection("dockerfile.apt_cache_mounts"):
        kills, mount = f"builder.apt.cache.{item.slug}", f"--mount=type=cache,target={item.value},sharing=locked"
        misses = {
            "shared": mount.replace("locked", "shared"),
            "no-sharing": mount.replace(",sharing=locked", ""),
            "target": mount.replace(item.value, f"{item.value}s"),
            "parent": mount.replace(item.value, item.value.rpartition("/")[0]),
            "tmpfs": f"--mount=type=tmpfs,target={item.value}",
        }
        for miss, text in misses.items():
            yield docker(f"apt.cache.{item.slug}.{miss}", f"the apt-get block has {text}", kills, mount, text)
    install, update = (
        "apt-get install -y --no-install-recommends \\\n",
        "apt-get update --allow-releaseinfo-change && \\\n",
    )
    for miss, text in {
        "no-y": "apt-get install --no-install-recommends \\\n",
        "recommends": "apt-get install -y \\\n",
        "install-recommends": "apt-get install -y --install-recommends \\\n",
        "both": "apt-get install -y --no-install-recommends --install-recommends \\\n",
        "configured": "apt-get install -y --no-install-recommends -o APT::Install-Recommends=1 \\\n",
        "yes-quiet": "apt-get install -qq --no-install-recommends \\\n",
    }.items():
        yield docker(
            f"apt.recommends.{miss}", f"{text.split(chr(92))[0].strip()}", "builder.apt.no-recommends", install, text
        )
    moved = "apt-get update --allow-releaseinfo-change -y --no-install-recommends && \\\n    apt-get install \\\n"
    yield docker(
        "apt.recommends.on-update",
        "the flags stand at apt-get update",
        "builder.apt.no-recommends",
        f"{update}    {install}",
        moved,
        follows="builder.apt.release-info",
    )
    for miss, text in {
        "no-flag": "apt-get update && \\\n",
        "absent": "true && \\\n",
        "echoed": "echo apt-get update --allow-releaseinfo-change && \\\n",
        "other-flag": "apt-get update --allow-releaseinfo && \\\n",
    }.items():
        yield docker(f"apt.update.{miss}", f"{text.split(' &&')[0]}", "builder.apt.release-info", update, text)
    yield docker(
        "apt.update.no-removal",
        "old lists are not removed first",
        "builder.apt.release-info",
        "    rm -rf /var/lib/apt/lists/* && \\\n",
        "",
    )
    yield docker(
        "apt.update.removal-after",
        "old lists are removed after the update",
        "builder.apt.release-info",
        f"    rm -rf /var/lib/apt/lists/* && \\\n    {update}",
        f"    {update}    rm -rf /var/lib/apt/lists/* && \\\n",
    )
    lists = "    && rm -rf /var/lib/apt/lists/* /tmp/* /var/tmp/*\n"
    for miss, (old, text) in {
        "no-clean": ("    && apt-get clean \\\n", ""),
        "autoclean": ("&& apt-get clean ", "&& apt-get autoclean "),
        "no-removal": (f" \\\n{lists}", "\n"),
        "no-tmp": (" /tmp/* /var/tmp/*", " /var/tmp/*"),
        "no-lists": ("    && rm -rf /var/lib/apt/lists/* /tmp", "    && rm -rf /tmp"),
        "folder": ("/lists/* /tmp/* /var/tmp/*", "/lists /tmp /var/tmp"),
    }.items():
        yield docker(f"apt.clean.{miss}", f"cleaning: {miss}", "builder.apt.clean", old, text)

    def cleaned_before(draft: Draft) -> None:
        draft.docker("    && apt-get clean \\\n", "")
        draft.docker("    apt-get install -y", "    apt-get clean && \\\n    apt-get install -y")

    yield mutant("apt.clean.before", "apt-get clean comes before the installation", "builder.apt.clean", cleaned_before)
    everything = [
        "builder.apt.single-block",
        *(f"builder.apt.package.{i.slug}" for i in design.collection("dockerfile.apt_packages")),
        *(f"builder.apt.cache.{i.slug}" for i in design.collection("dockerfile.apt_cache_mounts")),
        "builder.apt.no-recommends",
        "builder.apt.release-info",
        "builder.apt.clean",
    ]
    yield docker(
        "apt.other-tool",
        "packages are installed with aptitude",
        everything,
        "apt-get install -y",
        "aptitude install -y",
    )


def _otherwise() -> Iterator[Mutant]:
    single = "builder.apt.single-block"
    begin = "apt-get install -y"
    for option in ("--dry-run", "-s", "-qd", "--download-only", "--print-uris", "--help"):
        yield docker(f"apt.void.{option.strip('-')}", f"apt-get install {option}", single, begin, f"{begin} {option}")
    yield docker(
        "apt.package.taken-away",
        "curl is installed and taken away in one command",
        "builder.apt.package.curl",
        "        curl \\\n",
        "        curl curl- \\\n",
    )
    for miss, (text, follows) in {
        "dpkg": ("dpkg -i /tmp/extra.deb", True),
        "dpkg-unpack": ("dpkg --unpack /tmp/extra.deb", True),
        "build-dep": ("apt-get build-dep -y --no-install-recommends python3", False),
        "upgrade": ("apt-get -y --no-install-recommends dist-upgrade", False),
        "reinstall": ("apt-get reinstall -y --no-install-recommends curl", False),
    }.items():
        more = f"RUN {text}\n\nRUN mkdir -p"
        follow = ["builder.apt.no-recommends"] * follows
        yield docker(f"apt.second-run.{miss}", f"RUN {text}", single, "RUN mkdir -p", more, nth=0, follows=follow)


def _second_installations() -> Iterator[Mutant]:
    both = ["builder.apt.single-block", "builder.apt.no-recommends"]
    for miss, text in {
        "option-first": "apt-get -y install vim",
        "apt": "apt install -y vim",
        "aptitude": "aptitude install -y vim",
        "variable": "DEBIAN_FRONTEND=noninteractive apt-get install -y vim",
        "path": "/usr/bin/apt-get install -y vim",
        "brackets": "(apt-get install -y vim)",
        "condition": "if true; then apt-get install -y vim; fi",
        "shell": "bash -c 'apt-get install -y vim'",
        "here-document": "<<EOF\napt-get install -y vim\nEOF",
        "json-form": '["apt-get", "install", "-y", "vim"]',
    }.items():
        yield docker(
            f"apt.second-run.{miss}", f"RUN {text}", both, "RUN mkdir -p", f"RUN {text}\n\nRUN mkdir -p", nth=0
        )
    clean = "    && apt-get clean \\\n"
    for miss, text, kills in (
        ("second-in-block", "    && apt-get install vim \\\n", both),
        ("ignored", "    || true \\\n", "builder.apt.single-block"),
    ):
        yield docker(f"apt.{miss}", text.split("\\")[0].strip(), kills, clean, f"{text}{clean}")
