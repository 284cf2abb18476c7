"""The manifests of `deploy/kustomize`, as they reach a cluster."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import click
import pytest

from tests.manifests import KUSTOMIZE, PROW, Manifest, Manifests, needs_kubectl, objections, rendered, rendered_with
from tide.cli.go_flags import with_two_dashes
from tide.cli.run import run
from tide.cli.run_flags import IGNORED_FLAGS, parameter_name

pytestmark = needs_kubectl

WHOLE = ("base", "overlays/postgres")
RUNNING = ("Deployment", "StatefulSet")
LISTENING = {8888, 9090, 5432}
PROWS_VERBS = {"create", "get", "list", "watch"}


@pytest.fixture(scope="module", params=[*WHOLE, "webhooks", "prow"])
def manifests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """Everything that can be applied, each in turn."""
    if request.param == "webhooks":
        return rendered_with(tmp_path_factory.mktemp("webhooks"), KUSTOMIZE / "base", "components/webhooks")
    if request.param == "prow":
        return rendered_with(tmp_path_factory.mktemp("prow"), PROW, "prow/swap-in", "prow/database")
    return rendered(KUSTOMIZE / request.param)


@pytest.fixture(scope="module")
def base() -> Manifests:
    """What is applied where there is a database."""
    return rendered(KUSTOMIZE / "base")


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Let `tide run` read its arguments, and nothing more."""
    with run.make_context("run", with_two_dashes(arguments)) as context:
        return context.params


def pod(manifest: Manifest) -> Manifest:
    """Give the pods that a Deployment or StatefulSet makes."""
    template = manifest["spec"]["template"]
    assert isinstance(template, dict)
    return template


def test_kubernetes_knows_every_field(manifests: Manifests) -> None:
    assert {item["metadata"]["name"]: objections(item) for item in manifests.items if objections(item)} == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replica"), 2),
        (("spec", "replicas"), "two"),
        (("spec", "template", "spec", "containers", 0, "readynessProbe"), {}),
        (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "8888"),
        (("spec", "selector"), None),
        (("kind",), "Deploymnet"),
    ],
)
def test_what_kubernetes_does_not_know_is_noticed(base: Manifests, path: tuple[Any, ...], value: object) -> None:
    spoiled = deepcopy(base.one("Deployment"))
    place: Any = spoiled
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert objections(spoiled)


def test_selectors_match_the_pods_they_are_for(manifests: Manifests) -> None:
    labels = {item["metadata"]["name"]: pod(item)["metadata"]["labels"] for item in manifests.of(*RUNNING)}
    selectors = {
        "own": lambda item: item["spec"]["selector"]["matchLabels"],
        "Service": lambda item: item["spec"]["selector"],
    }
    for item in manifests.of(*RUNNING, "PodDisruptionBudget", "Service"):
        selector = selectors.get(item["kind"], selectors["own"])(item)
        chosen = [name for name, given in labels.items() if selector.items() <= given.items()]
        assert chosen == [item["metadata"]["name"]], item["kind"]


def test_services_lead_to_ports_that_there_are(manifests: Manifests) -> None:
    for service in manifests.of("Service"):
        (running,) = (
            item for item in manifests.of(*RUNNING) if item["metadata"]["name"] == service["metadata"]["name"]
        )
        ports = [port for container in pod(running)["spec"]["containers"] for port in container["ports"]]
        named = {port["name"]: port["containerPort"] for port in ports}
        targets = [port.get("targetPort", port["port"]) for port in service["spec"]["ports"]]
        assert {named.get(target, target) for target in targets} <= LISTENING


def test_every_mount_has_its_volume_and_every_volume_its_mount(manifests: Manifests) -> None:
    for item in manifests.of(*RUNNING):
        spec = pod(item)["spec"]
        claimed = [claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", ())]
        volumes = [*claimed, *(volume["name"] for volume in spec["volumes"])]
        mounts = [mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]]
        assert sorted(mounts) == sorted(volumes)


def test_no_secret_stands_in_a_manifest(manifests: Manifests) -> None:
    assert manifests.of("Secret") == []
    for item in manifests.of(*RUNNING):
        for container in pod(item)["spec"]["containers"]:
            plain = {variable["name"] for variable in container.get("env", ()) if "value" in variable}
            assert not {name for name in plain if "PASSWORD" in name or "URL" in name} - {"POSTGRES_PASSWORD_FILE"}
            secret = [
                one for one in container.get("args", ()) if "://" in one and not one.startswith("--github-endpoint=")
            ]
            assert [one for one in secret if "gs://" not in one] == []


@pytest.mark.parametrize("name", WHOLE)
def test_pods_may_do_as_little_as_can_be(name: str) -> None:
    for item in rendered(KUSTOMIZE / name).of(*RUNNING):
        spec = pod(item)["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]


def test_the_user_is_left_to_the_cluster(base: Manifests) -> None:
    contexts = (pod(base.one("Deployment"))["spec"]["securityContext"], base.container["securityContext"])
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & {key for context in contexts for key in context}


def test_the_role_is_no_more_than_prows(base: Manifests) -> None:
    (rule,) = base.one("Role")["rules"]
    assert (rule["apiGroups"], rule["resources"]) == (["prow.k8s.io"], ["prowjobs"])
    assert set(rule["verbs"]) == PROWS_VERBS
    binding = base.one("RoleBinding")
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tide"}
    assert [(one["kind"], one["name"]) for one in binding["subjects"]] == [("ServiceAccount", "tide")]
    assert pod(base.one("Deployment"))["spec"]["serviceAccountName"] == "tide"


def test_every_argument_is_one_that_tide_run_knows_and_heeds(manifests: Manifests) -> None:
    given = parsed(manifests.container["args"])
    assert given["dry_run"] is False
    ignored = {name for name in IGNORED_FLAGS if given[parameter_name(name)]}
    assert ignored <= {"status-path"}


def test_an_argument_that_nobody_knows_is_noticed(base: Manifests) -> None:
    with pytest.raises(click.UsageError):
        parsed([*base.container["args"], "--dry-runs=false"])


def test_the_ports_are_those_that_tide_run_listens_on(base: Manifests) -> None:
    given = parsed(base.container["args"])
    ports = {port["name"]: port["containerPort"] for port in base.container["ports"]}
    assert ports == {"http": given["port"], "metrics": given["metrics_port"], "health": given["health_port"]}
    probes = [base.container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert [(probe["port"], probe["path"]) for probe in probes] == [
        ("health", "/healthz"),
        ("health", "/healthz"),
        ("health", "/healthz/ready"),
    ]


def test_deck_finds_the_pages_where_prows_tide_had_them(base: Manifests) -> None:
    ports = {port["port"]: port["targetPort"] for port in base.one("Service")["spec"]["ports"]}
    assert ports == {80: "http", 9090: "metrics"}


def test_every_file_that_an_argument_names_is_mounted(manifests: Manifests) -> None:
    mounts = [mount["mountPath"] for mount in manifests.container["volumeMounts"]]
    given = parsed(manifests.container["args"])
    paths = [value for name, value in given.items() if isinstance(value, Path) and name != "data_dir"]
    assert len(paths) >= 3
    for path in paths:
        assert any(path.is_relative_to(mount) for mount in mounts), path


def test_two_replicas_survive_an_update_and_the_loss_of_a_node(base: Manifests) -> None:
    spec = base.one("Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert spec["template"]["spec"]["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    assert base.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30
