"""The metrics plugin: what Prometheus is told, and by whom."""

import http.client
import re
import socket
import subprocess
import sys

import pytest
from greenchat_plugins import metrics
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Anybody, Program, without_plugins
from kit.sessions import device
from prometheus_client.parser import text_string_to_metric_families

import greenchat
from greenchat.errors import ConfigError
from greenchat.testing import DEADLINE, serving

ADDRESS = "plugins.metrics.address"


def get(address, path="/metrics", method="GET"):
    connection = http.client.HTTPConnection(*address, timeout=DEADLINE)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def address_of(server):
    plugin = next(plugin for plugin in server.server.plugins if plugin.name == "metrics")
    assert plugin.state == "on"
    return plugin.bearer.address


def samples(text):
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            found[(sample.name, *sample.labels.values())] = sample.value
    return found


def test_the_numbers_are_those_of_the_server():
    with serving(metrics, settings={ADDRESS: "127.0.0.1:0"}) as server:
        ada, bob, cy = server.join("ada"), server.join("bob"), server.join("cy", "garden")
        ada.send("MSG|one", "MSG|two", "MSG|", "DANCE")
        bob.expect("MSG|ada|one", "MSG|ada|two")
        ada.read_until("ERROR|'DANCE' is no frame type. Send JOIN|<username>, MSG|<text> or LEAVE.")
        cy.send("LEAVE")
        list(iter(cy.read, ""))
        cy.close()
        server.join("dan")
        status, text = get(address_of(server))
        found = samples(text)
        stats = server.call(server.server.stats)
    assert status == 200
    assert found[("greenchat_info", greenchat.__version__)] == 1
    assert found[("greenchat_sessions",)] >= 3
    assert found[("greenchat_sessions_started_total",)] == 4
    assert found[("greenchat_members",)] == 3
    assert found[("greenchat_rooms",)] == 1
    assert found[("greenchat_messages_total",)] == 2
    assert found[("greenchat_deliveries_total",)] == 2
    assert found[("greenchat_refusals_total", "empty")] == 1
    assert found[("greenchat_refusals_total", "unknown_type")] == 1
    assert found[("greenchat_outbox_bytes",)] == found[("greenchat_outbox_most_bytes",)] == 0
    assert 0 < found[("greenchat_uptime_seconds",)] <= stats.uptime_seconds
    assert ("greenchat_loop_lag_seconds",) in found
    assert found[("process_cpu_seconds_total",)] > 0


def test_a_person_with_several_connections_is_one_member():
    with serving(metrics, Anybody, settings=without_plugins("accounts") | {ADDRESS: "127.0.0.1:0"}) as server:
        laptop, _, bob = device(server, "ada"), device(server, "ada"), Program(server, "bob")
        assert laptop.ask("hello")[-1]["type"] == "ack"
        bob.read_until("message")
        found = samples(get(address_of(server))[1])
    assert (found[("greenchat_sessions",)], found[("greenchat_members",)]) == (3, 2)
    assert found[("greenchat_deliveries_total",)] == 2, "to bob, and to another device of ada's"


def test_it_is_read_anew_each_time_also_over_one_connection():
    with serving(metrics, settings={ADDRESS: "127.0.0.1:0"}) as server:
        connection = http.client.HTTPConnection(*address_of(server), timeout=DEADLINE)
        counts = []
        for name in ("ada", "bob"):
            server.join(name)
            connection.request("GET", "/metrics")
            counts.append(samples(connection.getresponse().read().decode())[("greenchat_members",)])
        connection.close()
    assert counts == [1, 2]


def test_there_is_nothing_else():
    with serving(metrics, settings={ADDRESS: "127.0.0.1:0"}) as server:
        address = address_of(server)
        assert get(address, "/") == (404, "Here is nothing but /metrics.\n")
        assert get(address, "/metrics/../etc/passwd")[0] == 404
        assert get(address, method="POST")[0] == 405
        assert get(address)[0] == 200


def test_the_chat_goes_on_while_somebody_asks_for_nothing():
    with serving(metrics, settings={ADDRESS: "127.0.0.1:0"}) as server:
        silent = [socket.create_connection(address_of(server), DEADLINE) for _ in range(metrics.CLIENTS + 1)]
        ada, bob = server.join("ada"), server.join("bob")
        bob.send("MSG|hello")
        ada.expect("INFO|bob has joined the chat.", "MSG|bob|hello")
        for connection in silent:
            connection.close()
        assert get(address_of(server))[0] == 200


def test_it_does_nothing_unless_it_is_told_where():
    with serving(metrics) as server:
        plugin = next(plugin for plugin in server.server.plugins if plugin.name == "metrics")
        assert plugin.state == "on; has nothing to do with these settings"


@pytest.mark.parametrize("address", ["9464", "localhost", "127.0.0.1:99999", "::1:9464", "a b:1", ":9464"])
def test_an_address_that_is_none_stops_the_start(address):
    with (
        pytest.raises(ConfigError, match=rf"plugins.metrics.address: {address} is no address. Write it like 127"),
        serving(metrics, settings={ADDRESS: address}),
    ):
        pass


def test_ipv6():
    with serving(metrics, settings={ADDRESS: "[::1]:0"}) as server:
        assert get(address_of(server))[0] == 200


def serve_with(tmp_path, address, *arguments):
    return serve_process(tmp_path, "--plugin", "greenchat_plugins.metrics", "--set", f"{ADDRESS}={address}", *arguments)


def test_the_log_tells_where_and_a_stop_does_not_wait_for_who_keeps_a_connection(tmp_path):
    with serve_with(tmp_path, "127.0.0.1:0") as serving:
        pattern = r"metrics are at http://127\.0\.0\.1:(\d+)/metrics\n"
        told = eventually(lambda: re.search(pattern, (tmp_path / "stderr.log").read_text()))
        keeping = http.client.HTTPConnection("127.0.0.1", int(told[1]), timeout=DEADLINE)
        keeping.request("GET", "/metrics")
        keeping.getresponse().read()
        _, log = serving.stop()
        keeping.close()
        assert serving.process.returncode == 0
    assert "Traceback" not in log


def test_a_port_that_is_taken_is_told_and_the_chat_runs_without_metrics(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with serve_with(tmp_path, address) as serving:
            _, log = serving.stop()
    assert f"plugin metrics is off: cannot listen on {address}: Address already in use. Choose another" in log
    assert "Traceback" not in log


def test_without_prometheus_client_it_says_what_to_install(tmp_path):
    missing = "import sys; sys.modules['prometheus_client'] = None; from greenchat.cli import main; main()"
    arguments = ["--plugin", "greenchat_plugins.metrics", "--set", f"{ADDRESS}=127.0.0.1:0"]
    result = subprocess.run(
        [sys.executable, "-c", missing, "plugins", "list", "--data-dir", str(tmp_path), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "off: it needs prometheus-client; install it: pip install 'greenchat[metrics]'" in result.stdout
    assert "Traceback" not in result.stderr
    assert result.returncode == 0


class Checks:
    @greenchat.hookimpl
    def greenchat_check_message(self, session, message):
        if message.text == "fail":
            raise RuntimeError("no")


def test_what_each_plugin_takes_is_a_histogram():
    with serving(Checks(), settings={ADDRESS: "127.0.0.1:0"}) as server:
        ada = server.join("ada")
        for text in ("one", "two", "fail"):
            ada.send(f"MSG|{text}")
        assert ada.read().startswith("ERROR|A plugin that checks what comes in has failed")
        _, text = get(address_of(server))
    found = samples(text)
    here = "greenchat_check_message", "Checks"
    assert found["greenchat_plugin_seconds_count", *here] == 3
    assert found["greenchat_plugin_seconds_bucket", "greenchat_check_message", "+Inf", "Checks"] == 3
    assert 0 < found["greenchat_plugin_seconds_sum", *here] < DEADLINE
    assert found["greenchat_plugin_failures_total", *here] == 1
