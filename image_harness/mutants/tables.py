"""The result of a run of mutants for people: Markdown, and a page of HTML that needs nothing else."""

from __future__ import annotations

import jinja2

from image_harness.mutants.results import Campaign, complaints, sections

_MARKDOWN = """\
# Mutants

{{ campaign.line }}.

Each mutant is the good image, or its sources, with one defect. It is *killed* when exactly the requirements that the
defect breaks, and those that follow from them, turn `not-met`; a check that could not tell, `unproven`, has killed
nothing. Static mutants are changed configurations, files, layers, Dockerfiles and sources; runtime mutants are changed
services, built and run; mutants of the format are damaged layouts, which must be refused before any check.

`image-harness mutants` makes all of them and prints what survived; `--only` takes a mutant or a requirement, `--list`
names them all, `--kind static` needs no engine. Static mutants are put together in memory, and one in sixty of them is
checked from files as well, by a run of its own, whose verdicts must be the same. A table of `--out DIR` is this page.
{% if wrong %}
## What is wrong
{% for line in wrong %}
- {{ line }}
{%- endfor %}
{% endif %}
{%- for section, rows in sections.items() %}
## {{ section }}

| requirement | mutants | killed |
|---|---|---|
{%- for row in rows %}
| `{{ row.id }}` | {{ row.mutants }} | {{ row.killed }} |
{%- endfor %}
{% endfor %}"""

_HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mutants of {{ campaign.design.name }}</title>
<style>
:root { color-scheme: light dark; --line: #8885; --bad: #c22; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td.number, th.number { text-align: right; width: 6rem; }
tr.bad td { color: var(--bad); font-weight: 600; }
p.verdict { font-size: 1.3rem; }
</style>
</head>
<body>
<h1>Mutants of {{ campaign.design.name }}</h1>
<p class="verdict">{{ campaign.line }}.</p>
<p>Image {{ campaign.image }}, design {{ campaign.design.digest }}.
{{ campaign.sampled }} mutants were checked from files as well.</p>
{% if wrong %}<h2>What is wrong</h2>
<ul>{% for line in wrong %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
{% for section, rows in sections.items() %}
<h2>{{ section }}</h2>
<table>
<thead><tr><th>requirement</th><th class="number">mutants</th><th class="number">killed</th></tr></thead>
<tbody>{% for row in rows %}
<tr{% if not row.mutants or row.killed < row.mutants %} class="bad"{% endif %}><td>{{ row.id }}</td>
<td class="number">{{ row.mutants }}</td><td class="number">{{ row.killed }}</td></tr>{% endfor %}
</tbody>
</table>
{% endfor %}
</body>
</html>
"""


def markdown(campaign: Campaign) -> str:
    """Return the table in Markdown; it is the same in every run that finds the same."""
    return _render(_MARKDOWN, campaign, escape=False)


def html(campaign: Campaign) -> str:
    """Return the table as a page."""
    return _render(_HTML, campaign, escape=True)


def _render(text: str, campaign: Campaign, *, escape: bool) -> str:
    environment = jinja2.Environment(autoescape=escape, undefined=jinja2.StrictUndefined)
    template = environment.from_string(text)
    return template.render(campaign=campaign, sections=sections(campaign.rows), wrong=complaints(campaign)) + "\n"
