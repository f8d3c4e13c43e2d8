"""The manifests: right by Kubernetes' own schemas, closed, and of one mind with each other."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from tests.deploy.places import DATA, DEPLOY, dockerfile, load, secret_files, settings

HERE = DEPLOY / "kubernetes"
NO_OBJECTS = {"kustomization.yaml", "rmqsync.yaml"}
EXTRA = {"secret.example.yaml", "service-monitor.yaml"}
"""Not applied unless asked for."""
MANIFESTS = {
    path.name: yaml.safe_load(path.read_text())
    for path in sorted(HERE.glob("*.yaml"))
    if path.name not in NO_OBJECTS
}
BUILT_IN = [name for name in MANIFESTS if name != "service-monitor.yaml"]
LABEL = {"app.kubernetes.io/name": "rmqsync"}
SETTINGS = settings(HERE / "rmqsync.yaml")
PORT = int(SETTINGS.daemon.bind.rpartition(":")[2])


def spec(name: str) -> Any:
    return MANIFESTS[f"{name}.yaml"]["spec"]


def pod() -> Any:
    return spec("statefulset")["template"]["spec"]


def container() -> Any:
    (found,) = pod()["containers"]
    return found


@pytest.mark.parametrize("version", ["1.29", "1.33", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_manifest_is_right_by_the_schema_of_its_kind(name: str, version: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_what_is_applied_is_every_manifest_but_examples() -> None:
    applied = load("kubernetes/kustomization.yaml")["resources"]

    assert set(applied) == set(MANIFESTS) - EXTRA


def test_the_settings_are_made_a_config_map_that_the_pod_mounts() -> None:
    (made,) = load("kubernetes/kustomization.yaml")["configMapGenerator"]
    volumes = {one["name"]: one for one in pod()["volumes"]}
    mounts = {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}
    variables = {one["name"]: one["value"] for one in container()["env"]}

    assert made == {"name": "rmqsync", "files": ["rmqsync.yaml"]}
    assert volumes["settings"]["configMap"]["name"] == "rmqsync"
    assert variables == {"RMQSYNC_CONFIG": f"{mounts['settings']}/rmqsync.yaml"}


def test_kustomize_renames_the_image_that_the_pod_names() -> None:
    (image,) = load("kubernetes/kustomization.yaml")["images"]

    assert image["name"] == container()["image"]


def test_the_pod_may_do_nothing_special() -> None:
    own = container()["securityContext"]

    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod()["automountServiceAccountToken"] is False


def test_the_pod_runs_as_the_user_of_the_image() -> None:
    context = pod()["securityContext"]

    assert f"{context['runAsUser']}:{context['runAsGroup']}" == dockerfile("USER")


def test_only_the_data_folder_can_be_written() -> None:
    (claim,) = spec("statefulset")["volumeClaimTemplates"]
    writable = {
        one["name"]: one["mountPath"]
        for one in container()["volumeMounts"]
        if not one.get("readOnly")
    }

    assert writable == {claim["metadata"]["name"]: DATA}


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")],
)
def test_a_probe_asks_the_port_that_the_daemon_binds(probe: str, path: str) -> None:
    (port,) = container()["ports"]

    assert container()[probe]["httpGet"] == {"path": path, "port": port["name"]}
    assert port["containerPort"] == PORT


def test_variables_of_services_do_not_get_in_the_way_of_our_own() -> None:
    """A service called rmqsync gives each pod RMQSYNC_PORT and such."""
    assert pod()["enableServiceLinks"] is False


def test_the_grace_of_a_run_fits_into_that_of_the_pod() -> None:
    assert pod()["terminationGracePeriodSeconds"] >= SETTINGS.daemon.grace_s + 10


def test_it_asks_for_what_it_needs() -> None:
    resources = container()["resources"]

    assert set(resources["requests"]) == {"cpu", "memory"}
    assert "memory" in resources["limits"]


def test_everything_selects_the_pod() -> None:
    labels = spec("statefulset")["template"]["metadata"]["labels"]
    selected = [
        spec("statefulset")["selector"]["matchLabels"],
        spec("service")["selector"],
        spec("network-policy")["podSelector"]["matchLabels"],
        spec("disruption-budget")["selector"]["matchLabels"],
    ]

    assert labels == LABEL
    assert selected == [LABEL] * 4


def test_prometheus_finds_the_service_and_its_metrics() -> None:
    monitor = MANIFESTS["service-monitor.yaml"]
    (endpoint,) = monitor["spec"]["endpoints"]
    (port,) = spec("service")["ports"]

    assert (monitor["apiVersion"], monitor["kind"]) == (
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
    )
    assert monitor["spec"]["selector"]["matchLabels"] == LABEL
    assert MANIFESTS["service.yaml"]["metadata"]["labels"] == LABEL
    assert (endpoint["path"], endpoint["port"]) == ("/metrics", port["name"])


def test_a_drain_is_never_blocked_by_a_single_pod() -> None:
    assert spec("disruption-budget")["maxUnavailable"] == 1
    assert "minAvailable" not in spec("disruption-budget")


def test_the_network_policy_lets_out_what_the_settings_reach_and_names() -> None:
    rules = spec("network-policy")["egress"]
    allowed = {one["port"] for rule in rules for one in rule["ports"]}
    addresses = [str(SETTINGS.source.git)]
    for cluster in SETTINGS.clusters.values():
        addresses += [*cluster.endpoints, *(str(one) for one in cluster.amqp)]

    reached = {urlsplit(one).port or 443 for one in addresses}

    assert spec("network-policy")["policyTypes"] == ["Ingress", "Egress"]
    assert reached | {53} <= allowed


def test_the_network_policy_lets_in_only_to_our_port() -> None:
    (rule,) = spec("network-policy")["ingress"]

    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    assert rule["from"]


def test_the_example_secret_has_each_file_that_the_settings_name() -> None:
    mounts = {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}
    volume = next(one for one in pod()["volumes"] if one["name"] == "secrets")
    secret = MANIFESTS["secret.example.yaml"]

    assert volume["secret"]["secretName"] == secret["metadata"]["name"]
    assert {f"{mounts['secrets']}/{key}" for key in secret["stringData"]} == secret_files(SETTINGS)


def test_the_settings_begin_by_looking_only() -> None:
    """Whoever applies them unread must not have his clusters written to."""
    assert {cluster.mode.value for cluster in SETTINGS.clusters.values()} == {"report"}


def test_no_manifest_names_a_namespace_but_that_of_kustomize() -> None:
    namespace = load("kubernetes/kustomization.yaml")["namespace"]
    named = {Path(name).stem for name, one in MANIFESTS.items() if "namespace" in one["metadata"]}

    assert named == set()
    assert MANIFESTS["namespace.yaml"]["metadata"]["name"] == namespace
