from __future__ import annotations

from datetime import timedelta

from image_harness.engine.podman import podman_health_request
from image_harness.types import HealthCheck

IMAGE = HealthCheck(("CMD", "/p", "-c", "a  b"), timedelta(seconds=30), timedelta(seconds=10), retries=3)
SECOND = 1_000_000_000


def test_what_is_left_out_is_the_images_and_the_words_of_the_test_stay_apart() -> None:
    assert podman_health_request(HealthCheck((), interval=timedelta(seconds=1)), IMAGE) == {
        "Test": ['["/p", "-c", "a  b"]'],
        "Interval": SECOND,
        "Timeout": 10 * SECOND,
        "Retries": 3,
    }


def test_another_test_replaces_the_images() -> None:
    found = podman_health_request(HealthCheck(("CMD-SHELL", "true && true")), IMAGE)
    assert found is not None
    assert found["Test"] == ["CMD-SHELL", "true && true"]


def test_nothing_is_sent_for_an_image_that_has_lost_its_health_check() -> None:
    assert podman_health_request(HealthCheck((), interval=timedelta(seconds=1)), None) is None
