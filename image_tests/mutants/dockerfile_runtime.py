"""What the Dockerfile's last stage sets and copies."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, docker, in_stage, mutant

BUILDER, RUNTIME = 0, 1
ONLY = "copy.only-designed"
CHANGING = {"exclude": "--exclude=*", "chmod": "--chmod=0777", "parents": "--parents"}


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _labels(good.design)
    yield from _environment(good.design)
    yield from _copies(good.design)
    yield from _trees(good.design)
    yield from _more_copies(good.design)


def _labels(design: Design) -> Iterator[Mutant]:
    for item in design.collection("image.labels"):
        kills, argument = f"labels.instruction.{item.slug}", item.value.argument
        value = item.value.value if argument is None else f"${{{argument}}}"
        pair = f'{item.key}="{value}"'
        misses = {"key-case": pair.replace(item.key, item.key.upper()), "key-longer": f"x{pair}", "key-part": pair[1:]}
        if argument is None:
            misses |= {
                "value": f'{item.key}="other"',
                "value-case": f'{item.key}="{value.swapcase()}"',
                "empty": f'{item.key}=""',
                "blank": f'{item.key}="{value} "',
            }
        for miss, text in misses.items():
            yield docker(f"label-instruction.{item.slug}.{miss}", f"LABEL {text}", kills, f" {pair}", f" {text}")
        if argument is not None:
            used = f"build-args.runtime.{argument}"
            for miss, text in {
                "constant": "1.0.0",
                "other-argument": "${PYTHON_VERSION}",
                "no-variable": argument,
            }.items():
                wrong = f' {item.key}="{text}"'
                name = f"label-instruction.{item.slug}.{miss}"
                yield docker(name, f"LABEL{wrong}", kills, f" {pair}", wrong, follows=[used])
            extended = f' {item.key}="{value}-1"'
            yield docker(f"label-instruction.{item.slug}.extended", f"LABEL{extended}", kills, f" {pair}", extended)

        def moved(draft: Draft, pair: str = pair) -> None:
            in_stage(draft, RUNTIME, f" {pair}", ' other="x"')
            in_stage(draft, BUILDER, "\nWORKDIR ", f"\nLABEL {pair}\nWORKDIR ")

        yield mutant(
            f"label-instruction.{item.slug}.in-builder",
            f"{item.key} is set in the builder",
            kills,
            moved,
            follows=[f"build-args.runtime.{argument}"] if argument else (),
        )


def _environment(design: Design) -> Iterator[Mutant]:
    for item in design.collection("image.env"):
        kills, pair = f"env.instruction.{item.slug}", f"{item.key}={item.value}"
        misses = {
            "value": f"{item.key}=other",
            "empty": f"{item.key}=",
            "case": f"{item.key.lower()}={item.value}",
            "longer": f"{pair}0",
            "name": f"X{pair}",
        }
        for miss, text in misses.items():
            yield docker(
                f"env-instruction.{item.slug}.{miss}", f"ENV {text}", kills, f" {pair}", f" {text}", stage=RUNTIME
            )

        def moved(draft: Draft, pair: str = pair) -> None:
            in_stage(draft, RUNTIME, f" {pair}", " OTHER=1")
            in_stage(draft, BUILDER, "\nWORKDIR ", f"\nENV {pair.replace('=', 'X=', 1)}\nLABEL {pair}\nWORKDIR ")

        yield mutant(f"env-instruction.{item.slug}.in-builder", f"{item.key} is set in the builder only", kills, moved)


def _copies(design: Design) -> Iterator[Mutant]:
    owner = design.image.user
    for wanted in design.dockerfile.copies:
        chown = f" --chown={wanted.chown}" if wanted.chown else ""
        line = f"COPY --from={wanted.from_stage}{chown} {wanted.source} {wanted.target}\n"
        kills, name = f"copy.{wanted.slug}", f"copy.{wanted.slug}"
        misses = {
            "absent": "",
            "comment": f"# {line}",
            "source": line.replace(f" {wanted.source} ", f" {wanted.source}s "),
            "target": line.replace(f"{wanted.target}\n", f"{wanted.target}s\n"),
        }
        # Copied to another place, the bundle is a file like any other, which has an owner.
        unowned = {"target"} if wanted.chown is None else set()
        undesigned = {"source", "target"}
        for miss, text in misses.items():
            yield docker(
                f"{name}.{miss}",
                text.strip() or f"no {line.strip()}",
                kills,
                line,
                text,
                follows=[*["owner.copies"] * (miss in unowned), *[ONLY] * (miss in undesigned)],
            )
        yield docker(
            f"{name}.host",
            "copied from the build's context",
            kills,
            line,
            line.replace(f"--from={wanted.from_stage} ", "").replace("  ", " "),
        )
        yield docker(
            f"{name}.other-stage",
            "copied from another stage",
            kills,
            line,
            line.replace("--from=builder", "--from=base"),
        )
        for miss, flag in CHANGING.items():
            yield docker(f"{name}.{miss}", f"copied with {flag}", kills, line, line.replace("COPY", f"COPY {flag}"))
        if wanted.chown:
            for miss, text in {
                "no-owner": "",
                "root": " --chown=0:0",
                "uid-only": " --chown=65532",
                "group": " --chown=65532:0",
            }.items():
                yield docker(
                    f"{name}.{miss}",
                    f"copied{text or ' without an owner'}",
                    [kills, "owner.copies"],
                    line,
                    line.replace(chown, text),
                )
        else:
            yield docker(
                f"{name}.owned",
                "the bundle belongs to the service",
                kills,
                line,
                line.replace(" /etc", f" --chown={owner} /etc", 1),
            )


def _trees(design: Design) -> Iterator[Mutant]:
    owner = design.image.user
    for tree in design.application.trees:
        line = f"COPY --chown={owner} --from={design.dockerfile.builder_name} {tree.source} {tree.path}\n"
        kills, name = f"application.copy.{tree.slug}", f"application-copy.{tree.slug}"
        for miss, text in {
            "absent": "",
            "comment": f"# {line}",
            "source": line.replace(f" {tree.source} ", f" {tree.source}s "),
            "target": line.replace(f"{tree.path}\n", f"{tree.path}s\n"),
            "other-stage": line.replace("--from=builder", "--from=base"),
            "host": line.replace(" --from=builder", ""),
        }.items():
            undesigned = miss in ("source", "target")
            yield docker(
                f"{name}.{miss}", text.strip() or f"no {line.strip()}", kills, line, text, follows=[ONLY] * undesigned
            )
        for miss, flag in CHANGING.items():
            yield docker(f"{name}.{miss}", f"copied with {flag}", kills, line, line.replace("COPY", f"COPY {flag}"))
        for miss, text in {"no-owner": "COPY ", "root": "COPY --chown=root:root "}.items():
            yield docker(
                f"{name}.{miss}",
                f"{tree.path} is copied with {text.strip()}",
                [kills, "owner.copies"],
                line,
                line.replace(f"COPY --chown={owner} ", text),
            )


def _more_copies(design: Design) -> Iterator[Mutant]:
    owner = design.image.user
    for miss, line in {
        "copy": "COPY extra /app/extra",
        "add": "ADD extra.tar /app/extra",
        "root": "COPY --chown=0:0 extra /app/extra",
    }.items():
        yield docker(
            f"owner.copies.{miss}",
            line,
            "owner.copies",
            "\nWORKDIR /app\n",
            f"\n{line}\nWORKDIR /app\n",
            follows=ONLY,
        )
    tree = design.application.trees[0]
    for miss, line in {
        "other-image": f"COPY --from=busybox:latest --chown={owner} /bin/busybox /opt/busybox",
        "more-of-builder": f"COPY --from=builder --chown={owner} /usr/local /usr/local",
        "url": f"ADD --chown={owner} https://example.org/main.py {tree.path}/main.py",
        "over-it": f"COPY --from=builder --chown={owner} /build/other {tree.path}/",
        "twice": f"COPY --from=builder --chown={owner} {tree.source} {tree.path}",
        "document": f"COPY --chown={owner} <<END {design.application.root}/json.py\nx = 1\nEND",
    }.items():
        # Before the application's own, so that the verification still comes last.
        begin = f"\nCOPY --chown={owner} --from=builder {tree.source} {tree.path}\n"
        yield docker(f"copy.only.{miss}", line, ONLY, begin, f"\n{line}{begin}")
