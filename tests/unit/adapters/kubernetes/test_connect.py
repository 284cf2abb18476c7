"""Where the cluster is looked for, and the one line that is said when it cannot be found or used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tide.adapters.clock import SystemClock
from tide.adapters.kubernetes.connect import kubernetes
from tide.adapters.kubernetes.finding import KubernetesSettings, find_cluster
from tide.adapters.kubernetes.kubeconfig import User
from tide.adapters.prowjobs.writing import ProwSettings
from tide.domain.errors import TideError

X_IN_C = b"contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x"
IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def kubeconfig(path: Path, server: str = "https://one.example", **changes: Any) -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(content | changes))
    return path


def settings(place: Path, environment: Mapping[str, str] | None = None, **fields: Any) -> KubernetesSettings:
    given: dict[str, Any] = {"namespace": "test-pods", "service_account": place / "account"} | fields
    return KubernetesSettings(environment=environment or {}, **given)


@pytest.fixture
def account(tmp_path: Path) -> Path:
    made = tmp_path / "account"
    made.mkdir()
    (made / "token").write_text("token")
    return made


async def refusal(wanted: KubernetesSettings) -> str:
    with pytest.raises(TideError) as caught:
        async with kubernetes(wanted, clock=SystemClock(), prow=ProwSettings):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_kubeconfig_that_is_named_comes_first(tmp_path: Path, account: Path) -> None:
    named = settings(tmp_path, IN_CLUSTER, kubeconfig=kubeconfig(tmp_path / "one"))
    assert find_cluster(named).cluster.server == "https://one.example"


def test_the_cluster_around_comes_before_directory_and_environment(tmp_path: Path, account: Path) -> None:
    kubeconfig(tmp_path / "one.yaml")
    around = {**IN_CLUSTER, "KUBECONFIG": str(tmp_path / "one.yaml")}
    found = find_cluster(settings(tmp_path, around, kubeconfig_dir=tmp_path))
    assert found.cluster.server == "https://10.0.0.1:443"
    assert found.user is not None
    assert found.user.token_file == str(account / "token")
    told_not_to = settings(tmp_path, around, no_in_cluster_config=True)
    assert find_cluster(told_not_to).cluster.server == "https://one.example"


def test_an_ipv6_cluster_and_a_projected_token_are_understood(tmp_path: Path, account: Path) -> None:
    projected = tmp_path / "projected"
    projected.write_text("token")
    six = {**IN_CLUSTER, "KUBERNETES_SERVICE_HOST": "fd00::1"}
    found = find_cluster(settings(tmp_path, six, projected_token_file=projected))
    assert found.cluster.server == "https://[fd00::1]:443"
    assert found.user is not None
    assert found.user.token_file == str(projected)


def test_of_a_directory_the_last_current_context_counts(tmp_path: Path) -> None:
    place = tmp_path / "configs"
    (place / "..data").mkdir(parents=True)
    kubeconfig(place / "a.config", "https://a.example")
    kubeconfig(place / "b.config", "https://b.example")
    kubeconfig(place / "c.config", "https://c.example", **{"current-context": None})
    kubeconfig(place / "..hidden.config", "https://hidden.example")
    (place / "notes.txt").write_text("{")
    found = find_cluster(settings(tmp_path, kubeconfig_dir=place, kubeconfig_suffix=".config"))
    assert found.cluster.server == "https://b.example"


def test_the_environment_names_the_last_resort(tmp_path: Path) -> None:
    one = kubeconfig(tmp_path / "one")
    assert find_cluster(settings(tmp_path, {"KUBECONFIG": f"{one}:/other"})).cluster.server == "https://one.example"


async def test_without_any_all_three_places_are_named(tmp_path: Path) -> None:
    told = await refusal(settings(tmp_path))
    assert all(part in told for part in ("--kubeconfig", "in a cluster", "$KUBECONFIG"))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a: [", "is not YAML, line 1"),
        (b"\xff\xfe\x00", "is not YAML"),
        (b"", "makes no sense"),
        (b"[]", "makes no sense"),
        (b"{}", "there is no current-context"),
        (b"clusters: []\ncontexts: []", "there is no current-context"),
        (b"clusters: []\ncontexts: []\ncurrent-context: x", "the context 'x' is missing"),
        (
            b"clusters: []\ncontexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x",
            "the cluster 'c' is missing",
        ),
        (b"clusters: [{name: c, cluster: {server: 7}}]\n" + X_IN_C, "the cluster 'c': server: "),
        (b"clusters: [{name: c, cluster: geheim}]\n" + X_IN_C, "the cluster 'c': "),
        (b"contexts: [{name: x}]\ncurrent-context: x", "the cluster '' is missing"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "broken").write_bytes(content)
    told = await refusal(settings(tmp_path, kubeconfig=tmp_path / "broken"))
    assert text in told
    assert "geheim" not in told
    assert str(tmp_path / "broken") in told


async def test_files_that_are_not_there_are_told_in_one_line(tmp_path: Path) -> None:
    assert "No such file" in await refusal(settings(tmp_path, kubeconfig=tmp_path / "absent"))
    assert "No such file" in await refusal(settings(tmp_path, kubeconfig_dir=tmp_path / "absent"))
    assert "no kubeconfig with a current-context" in await refusal(settings(tmp_path, kubeconfig_dir=tmp_path))
    untrusted = [{"name": "c", "cluster": {"server": "https://one.example", "certificate-authority": "ca.crt"}}]
    told = await refusal(settings(tmp_path, kubeconfig=kubeconfig(tmp_path / "one", clusters=untrusted)))
    assert "cannot be used" in told
    absent = [{"name": "u", "user": {"tokenFile": "absent"}}]
    told = await refusal(settings(tmp_path, kubeconfig=kubeconfig(tmp_path / "one", users=absent)))
    assert f"the token file {tmp_path / 'absent'} cannot be read: No such file" in told


@pytest.mark.parametrize("user", [{"auth-provider": {"name": "gcp"}}, {"client-certificate-data": "no base64"}])
async def test_credentials_that_cannot_be_used_are_told_and_not_shown(tmp_path: Path, user: dict[str, Any]) -> None:
    users = [{"name": "u", "user": {"token": None, "password": "secret", **user}}]
    told = await refusal(settings(tmp_path, kubeconfig=kubeconfig(tmp_path / "one", users=users)))
    assert "credentials" in told
    assert "secret" not in told


async def test_a_config_without_a_user_is_anonymous(tmp_path: Path) -> None:
    contexts = [{"name": "x", "context": {"cluster": "c"}}]
    one = kubeconfig(tmp_path / "one", "http://127.0.0.1:1", contexts=contexts)
    async with kubernetes(settings(tmp_path, kubeconfig=one), clock=SystemClock(), prow=ProwSettings) as runner:
        assert runner.api.server.url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "others",
    [
        {"clusters": [{"name": "other", "cluster": {}}, {"name": "null", "cluster": None}, {"name": "none"}]},
        {"clusters": [{"name": "other", "cluster": {"server": 7}}, {}]},
        {"contexts": [{"name": "other", "context": {}}, {"name": "null", "context": None}, {"name": "none"}]},
        {"users": [{"name": "other", "user": {"exec": {"args": ["x"]}}}, {"name": "null", "user": None}, {}]},
    ],
)
def test_only_what_the_current_context_names_is_judged(tmp_path: Path, others: dict[str, Any]) -> None:
    path = kubeconfig(tmp_path / "one")
    told = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(told | {key: [*listed, *told[key]] for key, listed in others.items()}))
    before = kubeconfig(tmp_path / "two")
    found, expected = (find_cluster(settings(tmp_path, kubeconfig=one)) for one in (path, before))
    assert (found.cluster, found.user) == (expected.cluster, expected.user)


@pytest.mark.parametrize("users", [[{"name": "u", "user": None}], [{"name": "u"}]])
def test_a_user_of_whom_nothing_is_told_is_anonymous(tmp_path: Path, users: list[dict[str, Any]]) -> None:
    assert find_cluster(settings(tmp_path, kubeconfig=kubeconfig(tmp_path / "one", users=users))).user == User()


@pytest.mark.parametrize(
    ("cluster", "user", "url"),
    [
        ({}, {}, "http://one.example:6443"),
        ({"certificate-authority": "x"}, {}, "https://one.example:6443"),
        ({"insecure-skip-tls-verify": True}, {}, "https://one.example:6443"),
        ({}, {"client-certificate": "x", "client-key": "y"}, "https://one.example:6443"),
    ],
)
def test_a_server_without_a_scheme_has_the_one_that_kubectl_takes(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], url: str
) -> None:
    clusters = [{"name": "c", "cluster": {"server": "one.example:6443", **cluster}}]
    path = kubeconfig(tmp_path / "one", clusters=clusters, users=[{"name": "u", "user": user}])
    assert find_cluster(settings(tmp_path, kubeconfig=path)).cluster.server == url


async def test_a_namespace_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    one = kubeconfig(tmp_path / "one")
    assert "prowjob_namespace" in await refusal(settings(tmp_path, kubeconfig=one, namespace="../secrets"))
