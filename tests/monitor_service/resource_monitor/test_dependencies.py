"""The whole service with what it can do without: absent, present, lost, back."""

from __future__ import annotations

import signal
from uuid import uuid4

import redis

from tests.monitor_service.fake_mongo import FakeMongo
from tests.monitor_service.support import (
    FakeSibling,
    RedisServer,
    ServiceProcess,
    StartService,
    black_hole,
    eventually,
    free_port,
)

_INTERVAL = {"MONITORING_INTERVAL": "0.2"}


def _missing(service: ServiceProcess) -> list[str]:
    answer = service.get("/health")
    assert answer.status == 200
    body = answer.json
    assert (body["status"] == "degraded") is bool(body["missing"])
    missing: list[str] = body["missing"]
    return missing


def _wait_for(service: ServiceProcess, *missing: str) -> None:
    eventually(lambda: _missing(service) == list(missing), limit=15)


def _start(service: ServiceProcess) -> str:
    session_id = str(uuid4())
    assert service.post("/api/v1/monitoring/start", {"session_id": session_id}).status == 200
    return session_id


def test_redis_is_killed_and_comes_back(start_service: StartService, redis_server: RedisServer) -> None:
    service = start_service(environment=_INTERVAL | {"REDIS_URL": redis_server.url}).wait_ready()
    _wait_for(service)
    session_id = _start(service)
    key = f"lucid:rdp-monitor:sample:{session_id}"

    def stored() -> bool:
        with redis.Redis.from_url(redis_server.url) as client:
            return bool(client.exists(key))

    eventually(stored)
    redis_server.kill()
    _wait_for(service, "redis")
    assert service.get(f"/api/v1/monitoring/sessions/{session_id}/metrics").status == 200
    redis_server.start()
    _wait_for(service)
    eventually(stored)
    service.end(signal.SIGTERM)
    for secret in ("p%40ss-word", "p@ss-word"):
        assert secret not in service.stdout + service.stderr


def test_redis_comes_after_the_service(start_service: StartService, redis_server: RedisServer) -> None:
    redis_server.kill()
    service = start_service(environment={"REDIS_URL": redis_server.url}).wait_ready()
    assert _missing(service) == ["redis"]
    redis_server.start()
    _wait_for(service)


def test_redis_that_stops_answering_is_missing_until_it_goes_on(
    start_service: StartService, redis_server: RedisServer
) -> None:
    service = start_service(environment=_INTERVAL | {"REDIS_URL": redis_server.url}).wait_ready()
    _wait_for(service)
    redis_server.send_signal(signal.SIGSTOP)
    _wait_for(service, "redis")
    redis_server.send_signal(signal.SIGCONT)
    _wait_for(service)


def test_mongodb_is_written_read_lost_and_found(start_service: StartService) -> None:
    port = free_port()
    environment = _INTERVAL | {"MONGODB_URL": f"mongodb://127.0.0.1:{port}", "METRICS_HISTORY_LIMIT": "2"}
    with FakeMongo(port) as mongo:
        service = start_service(environment=environment).wait_ready()
        _wait_for(service)
        session_id = _start(service)
        path = f"/api/v1/monitoring/sessions/{session_id}/history"
        # More than memory holds.
        eventually(lambda: len(service.get(path).json["samples"]) > 3)
        history = service.get(path).json
        assert history["source"] == "mongodb"
        # Each is there once, though the newest are in memory, too: to the millisecond, as MongoDB keeps it.
        moments = [sample["timestamp"][:23] for sample in history["samples"]]
        assert len(set(moments)) == len(moments)
        assert {document["session_id"] for document in mongo.documents["lucid_rdp_monitor.samples"]} == {
            session_id,
            None,
        }
    _wait_for(service, "mongodb")
    history = service.get(path).json
    assert (history["source"], len(history["samples"])) == ("memory", 2)
    with FakeMongo(port) as mongo:
        _wait_for(service)
        # What was measured meanwhile was kept back and arrives.
        eventually(lambda: len(mongo.documents.get("lucid_rdp_monitor.samples", ())) > 4)


def test_a_database_that_refuses_is_missing_and_said_to(start_service: StartService) -> None:
    with FakeMongo() as mongo:
        mongo.failure = {"ok": 0.0, "errmsg": "hunter2", "code": 18, "codeName": "AuthenticationFailed"}
        service = start_service(environment={"MONGODB_URL": f"mongodb://127.0.0.1:{mongo.port}"}).wait_ready()
        _wait_for(service, "mongodb")
        eventually(lambda: "failed (OperationFailure)" in service.stdout)
        assert "hunter2" not in service.stdout


def test_siblings_are_named_with_what_is_wrong(start_service: StartService) -> None:
    with FakeSibling(200) as well, FakeSibling(404) as lost:
        service = start_service(
            environment={
                "RDP_SERVER_MANAGER_URL": well.url,
                "RDP_XRDP_URL": lost.url,
                "RDP_CONTROLLER_URL": f"http://me:hunter2@127.0.0.1:{free_port()}",
            }
        ).wait_ready()
        _wait_for(service, "rdp-xrdp", "rdp-controller")

        def problems() -> dict[str, str | None]:
            siblings = service.get("/api/v1/monitoring/summary").json["siblings"]
            return {sibling["name"]: sibling["problem"] for sibling in siblings}

        told = {"rdp-server-manager": None, "rdp-xrdp": "answered 404", "rdp-controller": "connection refused"}
        eventually(lambda: problems() == told)
        service.end(signal.SIGTERM)
    assert "hunter2" not in service.stdout + service.stderr


def test_nothing_waits_for_what_is_silent(start_service: StartService) -> None:
    with black_hole() as port:
        service = start_service(
            environment=_INTERVAL
            | {
                "REDIS_URL": f"redis://:hunter2@127.0.0.1:{port}",
                "MONGODB_URL": f"mongodb://me:hunter2@127.0.0.1:{port}",
                "RDP_XRDP_URL": f"http://127.0.0.1:{port}",
            }
        ).wait_ready()
        session_id = _start(service)
        assert _missing(service) == ["redis", "mongodb", "rdp-xrdp"]
        assert len(service.get(f"/api/v1/monitoring/sessions/{session_id}/history").json["samples"]) >= 1
        eventually(lambda: service.get("/health").body.count(b"timed out") >= 2)
        assert "hunter2" not in service.stdout + service.stderr + service.get("/health").body.decode()
