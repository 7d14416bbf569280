"""How a bar is shared out among statuses."""

from __future__ import annotations

from image_harness.report.model import SectionSummary
from image_harness.types import Status


def bar(section: SectionSummary, width: int, *, least: int = 1) -> list[tuple[Status, int]]:
    """Share a bar's cells out: every status that occurs is seen, and the largest share pays for it.

    Args:
        section: What to show.
        width: Cells of the bar; at least four times ``least``.
        least: Cells that the smallest share gets.

    Returns:
        Statuses that occur, in the order met, not met, unproven, not selected, with cells that add up to ``width``.
    """
    counts = {
        Status.MET: section.met,
        Status.NOT_MET: section.not_met,
        Status.UNPROVEN: section.unproven,
        Status.NOT_SELECTED: section.not_selected,
    }
    total = sum(counts.values())
    if not total:
        return [(Status.NOT_SELECTED, width)]
    cells = {status: max(number * width // total, least) for status, number in counts.items() if number}
    largest = max(cells, key=lambda status: counts[status])
    cells[largest] += width - sum(cells.values())
    return list(cells.items())
